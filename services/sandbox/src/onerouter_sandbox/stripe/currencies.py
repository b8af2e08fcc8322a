"""Currencies that Stripe takes, how many decimals they have there, and the least that can be charged.

Source: https://docs.stripe.com/currencies
"""

from typing import Final

_CODES: Final = """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp cny
    cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd
    jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad
    ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl
    thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw
"""
_CODES_WITHOUT_DECIMALS: Final = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"

SUPPORTED: Final = frozenset(_CODES.split())
NO_DECIMALS: Final = frozenset(_CODES_WITHOUT_DECIMALS.split())
THREE_DECIMALS: Final = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
WHOLE_ONLY: Final = frozenset({"isk", "ugx"})
"""Written with two decimals, which must be 00."""
LEAST: Final = {
    "usd": 50, "aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1_500, "dkk": 250, "eur": 50, "gbp": 30,
    "hkd": 400, "huf": 17_500, "inr": 50, "jpy": 50, "mxn": 1_000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200,
    "ron": 200, "sek": 300, "sgd": 50, "thb": 1_000,
}  # fmt: skip
MOST: Final = 99_999_999


def decimals(currency: str) -> int:
    if currency in NO_DECIMALS:
        return 0
    return 3 if currency in THREE_DECIMALS else 2


def display(amount: int, currency: str) -> str:
    """For people: `$1,299.00`, `KWD 99.990`."""
    places = decimals(currency)
    whole, fraction = divmod(amount, 10**places)
    number = f"{whole:,}" + (f".{fraction:0{places}d}" if places else "")
    return f"${number}" if currency == "usd" else f"{currency.upper()} {number}"
