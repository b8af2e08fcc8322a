"""Currencies that Razorpay takes, and how many decimals they have there.

Source: https://razorpay.com/docs/payments/international-payments/
"""

from typing import Final

_CODES: Final = """
    AED ALL AMD ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BZD CAD CHF CLP CNY COP CRC CUP CVE
    CZK DJF DKK DOP DZD EGP ETB EUR FJD GBP GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD ISK JMD JOD JPY
    KES KGS KHR KMF KRW KWD KYD KZT LAK LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK
    NPR NZD OMR PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SCR SEK SGD SLL SOS SSP SVC SZL THB TND TRY TTD TWD TZS
    UAH UGX USD UYU UZS VND VUV XAF XCD XOF XPF YER ZAR ZMW
"""
_CODES_WITHOUT_DECIMALS: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"

SUPPORTED: Final = frozenset(_CODES.split())
NO_DECIMALS: Final = frozenset(_CODES_WITHOUT_DECIMALS.split())
THREE_DECIMALS: Final = frozenset({"BHD", "IQD", "JOD", "KWD", "OMR", "TND"})


def decimals(currency: str) -> int:
    if currency in NO_DECIMALS:
        return 0
    return 3 if currency in THREE_DECIMALS else 2


def display(amount_minor: int, currency: str) -> str:
    """For people: `₹1,299.00`, `KWD 99.990`."""
    places = decimals(currency)
    whole, fraction = divmod(amount_minor, 10**places)
    number = f"{whole:,}" + (f".{fraction:0{places}d}" if places else "")
    return f"₹{number}" if currency == "INR" else f"{currency} {number}"
