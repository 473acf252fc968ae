from sipconform.compare.story import tell_story
from tests.compare.talk import call, request, subscription, trace


def test_a_conversation_is_one_call_id_between_two_parties() -> None:
    story = tell_story(trace(*subscription("c1"), *subscription("c2", at=5)))
    assert [c.title for c in story.conversations] == ["SUBSCRIBE presence from phone 1 to server"] * 2
    assert [e.method for e in story.conversations[0].exchanges] == ["SUBSCRIBE", "NOTIFY"]


def test_the_ack_to_a_200_goes_with_its_invite_and_a_second_one_is_a_repetition() -> None:
    again = (2.2, "phone", request("ACK", 1, tag="t1", branch="other"))
    story = tell_story(trace(*call()[:4], again, *call()[4:]))
    invite = story.conversations[0].exchanges[0]
    assert [e.method for e in story.conversations[0].exchanges] == ["INVITE", "BYE"]
    assert len(invite.acks) == 1
    assert story.repeats == [story.trace.messages[4]]


def test_steps_of_cseq_count_from_the_clients_last() -> None:
    exchanges = tell_story(trace(*call())).conversations[0].exchanges
    assert [e.step for e in exchanges] == [None, 1]


def test_copies_of_one_request_belong_together() -> None:
    ask = request("OPTIONS", 1, branch="a")
    story = tell_story(trace((0, "phone", ask), (0.1, "phone", ask.replace("z9hG4bKa", "z9hG4bKb"))))
    first, second = story.conversations[0].exchanges
    assert second.original is first
