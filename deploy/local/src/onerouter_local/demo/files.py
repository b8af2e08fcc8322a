"""What the demo shows of storage: an invoice put and handed to its customer by a link, and a film that goes past us."""

from typing import Any, Final

import httpx

from onerouter_local.demo.client import Api, overhead
from onerouter_local.demo.story import Story
from onerouter_local.demo.subscriber import Subscriber, until

_FILES: Final = "/v1/storage/demo-files"
_MEDIA: Final = "/v1/storage/demo-media"
_INVOICE: Final = "invoices/1001.txt"
_FILM: Final = "films/tour.bin"
_CONTENT: Final = b"Invoice 1001: 499.00 INR\n"
_BYTES: Final = bytes(range(256)) * 64
_WAIT_S: Final = 20.0


class Files:
    """Each method is a step. `outside`: somebody without an API key."""

    def __init__(
        self, story: Story, api: Api, sandbox: Api, subscriber: Subscriber, outside: httpx.AsyncClient
    ) -> None:
        self._story = story
        self._api = api
        self._sandbox = sandbox
        self._subscriber = subscriber
        self._outside = outside

    async def play(self) -> None:
        """All steps in order; the first that fails ends it with Wrong."""
        invoice = await self.put()
        await self.hand_out()
        upload = await self.upload()
        await self.receive_events({invoice["id"], upload["id"], upload["object_id"]})
        await self.count_effects(invoice["operation_id"])

    async def put(self) -> dict[str, Any]:
        with self._story.step("It keeps the invoice in its own bucket at Amazon S3") as step:
            path = f"{_FILES}/objects/{_INVOICE}"
            headers = {"Content-Type": "text/plain", "X-OneRouter-Metadata-Order": "1001"}
            response = await self._api.send("PUT", path, _CONTENT, headers=headers, expect=(201,))
            stored: dict[str, Any] = response.json()
            step.check(stored["effect_guarantee"] == "exactly_once", "exactly_once", stored["effect_guarantee"])
            step.saw(
                f"{stored['id']}  {stored['bucket']}/{stored['key']}  {stored['size']} bytes  {stored['provider']}"
            )
            step.saw(overhead(response))
            read = await self._api.call("GET", path)
            step.check(read.content == _CONTENT, "the same bytes to be read")
            return stored

    async def hand_out(self) -> None:
        with self._story.step("Its customer gets a link: the bytes come from the bucket, not through us") as step:
            link = await self._api.post(f"{_FILES}/downloads", {"key": _INVOICE, "expires_in": 60})
            got = await self._outside.get(link["url"])
            step.check(got.content == _CONTENT, "the same bytes behind the link", got.status_code)
            step.saw(f"works without a key until {link['expires_at']}")

    async def upload(self) -> dict[str, Any]:
        with self._story.step("A film goes straight to the bucket at Cloudflare R2") as step:
            wanted = {"key": _FILM, "content_type": "application/octet-stream", "size": len(_BYTES)}
            upload = await self._api.post(f"{_MEDIA}/uploads", wanted)
            sent = await self._outside.put(upload["url"], content=_BYTES, headers=upload["required_headers"])
            step.check(sent.is_success, "the bucket to take the bytes", sent.status_code)
            done = await self._api.post(f"{_MEDIA}/uploads/{upload['id']}/complete", {})
            step.check(done["status"] == "completed", "completed", done["status"])
            step.saw(f"{done['id']}  {done['status']}  {done['size']} bytes  {done['provider']}")
            return done

    async def receive_events(self, ids: set[str]) -> None:
        with self._story.step("The shop has been told of both objects and of the upload") as step:
            wanted = {"storage.object.created", "storage.upload.completed"}
            complete = await until(lambda: len(self._subscriber.of(ids)) == len(ids), _WAIT_S)
            types = [event.type for event in self._subscriber.of(ids)]
            step.check(complete and wanted == set(types), " and ".join(sorted(wanted)), types)
            step.saw(", ".join(sorted(types)))

    async def count_effects(self, operation_id: str) -> None:
        with self._story.step("The bucket was written to exactly once, and lists what is there") as step:
            effects = (await self._sandbox.get("/control/ledger", reference=operation_id))["data"]
            step.check(len(effects) == 1, "one effect", effects)
            listed = await self._api.get(_FILES, prefix="invoices/")
            step.check([one["key"] for one in listed["data"]] == [_INVOICE], _INVOICE, listed["data"])
            step.saw(f"1 × {effects[0]['kind']} by {effects[0]['provider']}")
