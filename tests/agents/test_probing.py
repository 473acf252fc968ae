"""Odd requests sent on purpose: announced first, bent as asked, and not mistaken for the dialog's own."""

import asyncio

from sipconform.agents.probing import Prober
from sipconform.sip.dialog import Dialog
from sipconform.sip.message import Message
from tests.agents.world import SERVER, STRANGER, World, later, play


def test_it_is_announced_before_it_is_sent_and_bent_as_asked() -> None:
    async def story(world: World) -> None:
        stranger = await world.stranger()
        phone = await world.phone()
        announced: list[tuple[str, str | None, int]] = []
        prober = Prober(phone.agent, lambda call, branch: announced.append((call, branch, len(world.tap.packets))))
        phone.agent.proxy = STRANGER
        status: list[Message | None] = []

        async def send() -> None:
            headers = [("Event", "no-such-package"), ("Max-Forwards", "0")]
            status.append(
                await prober.outside(
                    "SUBSCRIBE", "sip:x@example.com", headers=headers, leave_out=["Contact"], body=b"x"
                )
            )

        task = asyncio.ensure_future(send())
        await later(lambda: stranger.packets, 0.2)
        [odd] = stranger.heard[:1]
        assert (odd.text("Event"), odd.text("Max-Forwards"), odd.has("Contact"), odd.content) == (
            "no-such-package",
            "0",
            False,
            b"x",
        )
        assert announced == [(odd.call_id, odd.branch, 0)]
        task.cancel()

    play(story)


def test_copies_are_one_request_that_came_by_several_ways() -> None:
    async def story(world: World) -> None:
        server, phone = await world.server(()), await world.phone()
        prober = Prober(phone.agent)
        answer = await prober.outside("OPTIONS", f"sip:{SERVER}", copies=3)
        sent = world.requests("OPTIONS")
        assert len({m.branch for m in sent}) == 3
        assert {(m.call_id, m.from_tag, m.cseq_number, len(m.texts("Via"))) for m in sent} == {
            (sent[0].call_id, sent[0].from_tag, sent[0].cseq_number, 2)
        }
        assert answer is not None
        assert answer.status == 482  # the last came by another way: merged (RFC 3261 §8.2.2.2)
        server.close()

    play(story)


def test_a_challenge_is_answered_once() -> None:
    async def story(world: World) -> None:
        await world.server()
        phone = await world.phone(password="wrong")
        event = [("Event", "as-feature-event")]
        answer = await Prober(phone.agent).outside("SUBSCRIBE", "sip:2001@example.com", headers=event)
        assert answer is not None
        sent = world.requests("SUBSCRIBE")
        assert [m.cseq_number for m in sent] == [1, 2]
        assert [m.has("Authorization") for m in sent] == [False, True]
        assert answer.status in (401, 403)

    play(story)


def test_a_number_that_does_not_count_on_leaves_the_dialog_as_it_was() -> None:
    async def story(world: World) -> None:
        await world.server(())
        phone = await world.phone()
        dialog = Dialog("nobody knows", "<sip:2001@example.com>", "a", "<sip:2002@example.com>", "b", f"sip:{SERVER}")
        dialog.local_cseq = 7
        answer = await Prober(phone.agent).inside(dialog, "INFO", cseq=3)
        assert dialog.local_cseq == 7
        assert answer is not None
        assert answer.status == 481
        await Prober(phone.agent).inside(dialog, "INFO")
        assert dialog.local_cseq == 8
        assert [m.cseq_number for m in world.requests("INFO")] == [3, 8]

    play(story)
