"""A platform's vendors: referred to PayPal, signed up on its page, known by what they may receive.

Source: PayPal's customer_partner_referrals_v2 file (2024-02-03), and for the integrations of merchants, which have no file,
https://developer.paypal.com/docs/multiparty/seller-onboarding/. There is no request id: the merchant compares state, by
`tracking_id`.
"""
