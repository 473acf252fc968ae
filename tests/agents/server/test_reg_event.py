"""The registrar tells its watchers of every binding that comes, stays or goes."""

from __future__ import annotations

import asyncio

from sipconform.features.reginfo import RegInfo, parse_reginfo
from sipconform.sip.message import Message
from tests.agents.pair import Pair, play


def test_watchers_hear_of_everything_in_turn() -> None:
    async def story(pair: Pair) -> None:
        watcher, other = await pair.phone("2001"), await pair.phone("2001")
        other.registration.expires = 30
        await watcher.start()
        heard: list[RegInfo] = []

        def note(notify: Message) -> None:
            info = parse_reginfo(notify.content)
            assert isinstance(info, RegInfo)
            heard.append(info)

        watcher.reg_event.subscriber.told = note
        assert await watcher.reg_event.subscriber.subscribe() == 200
        await other.start()
        await asyncio.sleep(20)
        other.close()
        await asyncio.sleep(60)
        assert [info.version for info in heard] == list(range(len(heard)))
        events = [[c.event for c in info.registrations[0].contacts] for info in heard]
        assert ["registered", "registered"] in events
        assert ["registered", "refreshed"] in events
        assert events[-1] == ["registered", "expired"]
        assert all(not info.faults for info in heard)

    play(story)


def test_nobody_watches_others() -> None:
    async def story(pair: Pair) -> None:
        stranger, _ = await pair.phone("2001"), await pair.phone("2002")
        await stranger.start()
        draft = stranger.agent.new_request("SUBSCRIBE", "sip:2002@10.0.0.1", "<sip:2002@10.0.0.1>")
        draft.add("Contact", stranger.agent.contact)
        draft.add("Event", "reg")
        answer = await stranger.agent.ask(draft)
        assert answer is not None
        assert answer.status == 403

    play(story)
