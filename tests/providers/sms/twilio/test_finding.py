"""A listed text that a messaging service made plainer is the one that was sent."""

import pytest

from onerouter_common.sms_segments import count_segments
from onerouter_providers.messages import SmsRequest
from onerouter_providers.sms.twilio.finding import may_be_rewritten, says_the_same
from onerouter_providers.sms.twilio.smart_encoding import PLAIN


def is_shown_as(sent: str, shown: str) -> bool:
    return says_the_same({"body": shown}, SmsRequest("sms_1", "+14155550199", sent))


class TestSaysTheSame:
    @pytest.mark.parametrize(
        ("sent", "shown"),
        [
            ("\u02baAda\u02ee ❝said❞ 〝so〞 ＂now＂", '"Ada" "said" "so" "now"'),
            ("\u02bb \u02bc \u02bd \u02b9 \u02c8 \u02ca \u02cb ❛ ❜ ＇ ´ `", "' ' ' ' ' ' ' ' ' ' ' '"),
            ("‹ › ¼ ½ ¾ ÷ ⧸ ∕ ／", "< > 1/4 1/2 3/4 / / / /"),
            ("⧹ ⧵ ﹨ ＼ ＿ ‗ ∣ ｜ ⎸ ⏐ ⎜", "\\ \\ \\ \\ _ _ | | | | |"),
            ("— – ― ‐ ⎼ ⎽ ﹣ － • ⁃", "- - - - - - - - - -"),
            ("﹫ ＠ ﹩ ＄ ﹗ ！ ﹟ ＃ ﹪ ％ ﹠ ＆ ‼", "@ @ $ $ ! ! # # % % & & !!"),
            ("‚ ﹐ 、 ﹑ ， ､ 。 ﹒ ． ｡ …", ", , , , , , . . . . ..."),
            ("\u02d0 \u02f8 ⦂ \ua789 ： ⁏ ﹔ ；", ": : : : : ; ; ;"),
            ("❨❪﹙（⟮⦅❩❫﹚）⟯⦆", "(((((())))))"),
            ("⁎ ∗ ⊛ ✢ ✱ ✳ ✺ ❉ ⧆ ﹡ ＊ \u02d6 ﹢ ＋", "* * * * * * * * * * * + + +"),
            (
                "﹤ ＜ ﹦ ＝ ﹥ ＞ ﹖ ？ \u02c6 ＾ \u02dc ∼ ～ ❴ ﹛ ｛ ❵ ﹜ ｝ ［ ］",
                "< < = = > > ? ? ^ ^ ~ ~ ~ { { { } } } [ ]",
            ),
            ("ＡＺ０９ ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "AZ09 ABCDEFGHIJKLMNOPRSTUVWYZ"),
            ("5\u00a0kg\u2009or\u30006\u202fkg\u200b!\ufeff", "5 kg or6kg!"),
        ],
    )
    def test_as_smart_encoding_writes_it(self, sent: str, shown: str) -> None:
        assert is_shown_as(sent, shown)
        assert not is_shown_as(sent, shown + "x")

    def test_what_is_written_is_in_the_plain_alphabet(self) -> None:
        assert len(PLAIN) > 200
        assert {count_segments(written).encoding for written in PLAIN.values()} == {"GSM-7"}
        assert not [code for code in PLAIN if not may_be_rewritten(chr(code))]
