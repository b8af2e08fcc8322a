import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

if TYPE_CHECKING:
    from tests.services.sandbox.inbox.conftest import Post

PHONE, NUMBER = "+14155550123", "+15005550006"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


class TestPage:
    async def test_brings_all_it_needs_and_nothing_from_elsewhere(self, post: "Post") -> None:
        page = await post.http.get("/", follow_redirects=True)
        assert page.url.path == "/inbox"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        for part in ("main.js", "style.css", "icon.svg"):
            assert f"/inbox/static/{part}" in page.text
            answer = await post.http.get(f"/inbox/static/{part}")
            assert answer.headers["x-content-type-options"] == "nosniff"
            again = await post.http.get(f"/inbox/static/{part}", headers={"If-None-Match": answer.headers["etag"]})
            assert again.status_code == 304
        assert "http" not in page.text.replace("http-equiv", "")

    @pytest.mark.parametrize("name", ["endpoints.py", "..%2fmodel.py", "nothing.js"])
    async def test_gives_no_other_file(self, post: "Post", name: str) -> None:
        assert (await post.http.get(f"/inbox/static/{name}")).status_code == 404


class TestList:
    async def test_has_what_all_six_took_newest_first(self, post: "Post") -> None:
        before = {(each["provider"], each["id"]) for each in await post.listed(limit=100)}
        for send in (post.sms, post.published, post.by_resend, post.by_sendgrid, post.by_mailgun, post.by_ses):
            await send()
        listed = [each for each in await post.listed(limit=100) if (each["provider"], each["id"]) not in before]
        assert [each["provider"] for each in listed] == ["ses", "mailgun", "sendgrid", "resend", "sns", "twilio"]
        assert [each["channel"] for each in listed] == ["email"] * 4 + ["sms"] * 2
        assert {each["title"] for each in listed} == {"Hi", PHONE}
        opened = [await post.opened(each) for each in listed]
        assert all(each["actions"] and each["events"] for each in opened)

    async def test_filters(self, post: "Post") -> None:
        await post.sms("A needle in here")
        await post.by_resend(subject="Needles")
        assert [each["snippet"] for each in await post.listed(account=post.twilio)] == ["A needle in here"]
        assert await post.listed(account=post.twilio, provider="resend") == []
        assert await post.listed(account=post.resend, channel="sms") == []
        assert [each["title"] for each in await post.listed(account=post.resend, q="NEEDLE ada")] == ["Needles"]
        assert await post.listed(account=post.resend, q="needle grace") == []
        known = (await post.api("/accounts"))["data"]
        assert {"provider": "twilio", "channel": "sms", "account": post.twilio} in known

    async def test_pages_without_losing_or_repeating_one(self, post: "Post") -> None:
        for number in range(7):
            await post.sms(f"{number}")
        seen, cursor = [], None
        while True:
            page = await post.api("/messages", account=post.twilio, limit=3, **({"cursor": cursor} if cursor else {}))
            seen += [each["snippet"] for each in page["data"]]
            cursor = page["next_cursor"]
            assert page["has_more"] == (cursor is not None)
            if cursor is None:
                break
        assert seen == ["6", "5", "4", "3", "2", "1", "0"]
        assert (await post.http.get("/inbox/api/messages", params={"cursor": "nonsense"})).status_code == 422
        assert (await post.http.get("/inbox/api/messages", params={"limit": 101})).status_code == 422

    async def test_says_when_nothing_changed(self, post: "Post") -> None:
        sid = await post.sms()
        path = f"/inbox/api/messages?account={post.twilio}"
        first = await post.http.get(path)
        known = {"If-None-Match": first.headers["etag"]}
        assert (await post.http.get(path, headers=known)).status_code == 304
        await post.ask(f"/control/twilio/messages/{sid}/decide", status="delivered")
        changed = await post.http.get(path, headers=known)
        assert changed.json()["data"][0]["status"] == "delivered"


class TestEmail:
    HTML = "<p>Hello <img src='cid:logo'><a href='https://acme.example/'>go</a><script>1</script></p>"

    async def opened(self, post: "Post", account: str) -> dict[str, Any]:
        return await post.opened((await post.listed(account=account, channel="email"))[0])

    async def send(self, post: "Post", provider: str) -> dict[str, Any]:
        """The same email by each provider: HTML and text, cc, a header, a picture and a file."""
        match provider:
            case "resend":
                files = [
                    {"filename": "logo.png", "content": PNG, "content_type": "image/png", "content_id": "logo"},
                    {"filename": "a b.txt", "content": "YWJj"},
                ]
                headers = {"X-Campaign": "one"}
                more = {"cc": "bob@example.net", "headers": headers, "attachments": files}
                await post.by_resend(html=self.HTML, **more)
                return await self.opened(post, post.resend)
            case "sendgrid":
                files = [
                    {"filename": "logo.png", "content": PNG, "type": "image/png", "content_id": "logo"},
                    {"filename": "a b.txt", "content": "YWJj"},
                ]
                to = [{"email": "ada@example.net", "name": "Ada"}]
                people = {"to": to, "cc": [{"email": "bob@example.net"}], "subject": "Hi"}
                content = [{"type": "text/plain", "value": "T"}, {"type": "text/html", "value": self.HTML}]
                headers = {"X-Campaign": "one"}
                more = {"personalizations": [people], "content": content, "headers": headers, "attachments": files}
                await post.by_sendgrid(**more)
                return await self.opened(post, post.sendgrid)
            case "mailgun":
                inline = ("inline", ("logo", b"\x89PNG\r\n\x1a\n", "image/png"))
                file = ("attachment", ("a b.txt", b"abc", "application/octet-stream"))
                await post.by_mailgun(inline, file, html=self.HTML, cc="bob@example.net", **{"h:X-Campaign": "one"})
                return await self.opened(post, post.domain)
            case _:
                files = [
                    {"FileName": "logo.png", "RawContent": PNG, "ContentType": "image/png", "ContentId": "logo"},
                    {"FileName": "a b.txt", "RawContent": "YWJj"},
                ]
                body = {"Text": {"Data": "T"}, "Html": {"Data": self.HTML}}
                await post.by_ses(Body=body, Attachments=files, Headers=[{"Name": "X-Campaign", "Value": "one"}])
                return await self.opened(post, post.aws)

    @pytest.mark.parametrize("provider", ["resend", "sendgrid", "mailgun", "ses"])
    async def test_is_shown_as_a_mail_client_does(self, post: "Post", provider: str) -> None:
        shown = await self.send(post, provider)
        assert shown["from"].startswith("Acme <hello@")
        assert (shown["to"], shown["cc"], shown["subject"]) == (["Ada <ada@example.net>"], ["bob@example.net"], "Hi")
        assert shown["recipients"] == ["ada@example.net", "bob@example.net"]
        assert (shown["text"], shown["html"]) == ("T", self.HTML)
        assert {"name": "X-Campaign", "value": "one"} in shown["headers"]
        assert shown["links"] == [{"text": "go", "url": "https://acme.example/"}]
        frame = await post.http.get(shown["html_url"])
        assert f"data:image/png;base64,{PNG}" in frame.text
        assert "<script" not in frame.text
        policy = frame.headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "sandbox", "form-action 'none'", "img-src data:"} <= set(policy)
        picture, file = shown["files"]
        assert (picture["content_type"], picture["inline"], file["name"]) == ("image/png", True, "a b.txt")
        got = await post.http.get(file["url"])
        assert got.content == b"abc"
        assert got.headers["content-disposition"].startswith('attachment; filename="a_b.txt"')
        assert got.headers["content-type"] == "application/octet-stream"

    @pytest.mark.parametrize(
        ("provider", "bounce", "status"),
        [
            ("resend", "bounced", "bounced"),
            ("sendgrid", "bounce", "bounced"),
            ("mailgun", "bounced", "failed"),
            ("ses", "bounced", "Bounce"),
        ],
    )
    async def test_its_fate_is_decided_by_its_buttons(
        self, post: "Post", provider: str, bounce: str, status: str
    ) -> None:
        shown = await self.send(post, provider)
        before = shown["revision"]
        await post.do(shown, bounce)
        shown = await post.opened(shown)
        assert (shown["status"], shown["revision"] != before) == (status, True)
        assert shown["events"][-1]["event"] in (bounce, status)
        for action in shown["actions"]:
            await post.do(shown, action["name"])
        assert len((await post.opened(shown))["events"]) >= len(shown["actions"])

    async def test_of_several_recipients_one_may_fare_otherwise(self, post: "Post") -> None:
        shown = await self.send(post, "mailgun")
        await post.do(shown, "delivered")
        (bounce,) = (each for each in shown["actions"] if each["name"] == "bounced")
        await post.do(shown, "bounced", **{bounce["recipient_as"]: "bob@example.net"})
        shown = await post.opened(shown)
        assert shown["status"] == "mixed"
        assert shown["events"][-1]["recipient"] == "bob@example.net"

    async def test_each_personalization_is_an_email(self, post: "Post") -> None:
        people = [{"to": [{"email": f"{name}@example.net"}], "subject": f"For {name}"} for name in ("ada", "bob")]
        await post.by_sendgrid(personalizations=people)
        listed = await post.listed(account=post.sendgrid)
        assert [(each["title"], each["to"]) for each in listed] == [
            ("For ada", ["ada@example.net"]),
            ("For bob", ["bob@example.net"]),
        ]
        await post.do(await post.opened(listed[1]), "bounce")
        assert [each["status"] for each in await post.listed(account=post.sendgrid)] == ["processed", "bounced"]

    async def test_its_documents_need_their_tickets(self, post: "Post") -> None:
        shown = await self.send(post, "resend")
        for address in (shown["html_url"], shown["files"][1]["url"]):
            path, query = urlsplit(address).path, urlsplit(address).query
            for wrong in ("", query[:-1] + ("0" if query[-1] != "0" else "1"), query.replace("until=1", "until=2")):
                assert (await post.http.get(f"{path}?{wrong}")).status_code == 403
        other = shown["files"][0]["url"].split("?")[0] + "?" + urlsplit(shown["files"][1]["url"]).query
        assert (await post.http.get(other)).status_code == 403


class TestSms:
    async def test_is_a_conversation_by_number(self, post: "Post") -> None:
        await post.sms("Your code is 4711.")
        await post.sms("To somebody else.", to="+14155550144")
        (shown,) = await post.listed(account=post.twilio, q="4711")
        opened = await post.opened(shown)
        assert (opened["body"], opened["segments"], opened["from"]) == ("Your code is 4711.", 1, NUMBER)
        await post.ask(opened["reply"]["path"], **opened["reply"]["body"], body="STOP")
        talk = (await post.api(f"/conversations/twilio/{post.twilio}/{PHONE}"))["data"]
        assert [(each["body"], each["inbound"]) for each in talk] == [("Your code is 4711.", False), ("STOP", True)]
        refused = await post.http.post(
            f"/twilio/2010-04-01/Accounts/{post.twilio}/Messages.json",
            data={"To": PHONE, "From": NUMBER, "Body": "More."},
            auth=(post.twilio, "0123456789abcdef0123456789abcdef"),
        )
        assert refused.json()["code"] == 21610

    async def test_its_fate_is_decided_by_its_buttons(self, post: "Post") -> None:
        await post.sms()
        opened = await post.opened((await post.listed(account=post.twilio))[0])
        await post.do(opened, "undelivered")
        opened = await post.opened(opened)
        assert [each["event"] for each in opened["events"]] == ["queued", "sent", "undelivered"]
        assert opened["problem"].startswith("30003 ")

    async def test_of_sns_is_only_logged(self, post: "Post") -> None:
        await post.published("Hello.", SenderID="ACME")
        opened = await post.opened((await post.listed(account=post.aws, provider="sns"))[0])
        assert (opened["from"], opened["status"], opened["reply"]) == ("ACME", "published", None)
        await post.do(opened, "FAILURE")
        opened = await post.opened(opened)
        assert (opened["status"], opened["problem"]) == ("FAILURE", "Phone is currently unreachable/unavailable")


async def test_callbacks_are_shown_and_sent_again(post: "Post", receiver: Any) -> None:
    sid = await post.sms(StatusCallback=receiver.url)
    await receiver.wait(1)
    await post.ask(f"/control/twilio/messages/{sid}/decide", status="delivered")
    await receiver.wait(3)
    opened = await post.api(f"/messages/twilio/{sid}")
    assert [each["event"] for each in opened["callbacks"]] == ["message.queued", "message.sent", "message.delivered"]
    await post.ask(opened["callbacks"][0]["resend_path"])
    await receiver.wait(4)


async def test_what_is_not_there_is_said(post: "Post") -> None:
    for path in ("resend/nothing", "nobody/x", "sendgrid/x:0", "sendgrid/x", "razorpay/x"):
        assert (await post.http.get(f"/inbox/api/messages/{path}")).status_code == 404
    assert (await post.api("/conversations/resend/x/y"))["data"] == []


async def test_the_data_need_the_control_token(running: Any) -> None:
    async with (
        running(control_token=SecretStr("let-me-in")) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url) as http,
    ):
        assert (await http.get("/inbox")).status_code == 200
        for path in ("accounts", "messages", "messages/resend/x", "conversations/twilio/x/y"):
            assert (await http.get(f"/inbox/api/{path}")).status_code == 401
        allowed = await http.get("/inbox/api/messages", headers={"Authorization": "Bearer let-me-in"})
        assert allowed.json()["data"] == []
