"""Features switched by dialling a code: the phone calls it in the background, the server does what it means."""

from typing import Any

import pytest

from sipconform.lab.actors import Phone, Server
from sipconform.lab.coded import code, needs_codes, needs_features, needs_form, needs_none, needs_timer, nothing_on
from sipconform.lab.profile import Profile

WITH_DND = pytest.mark.profile("broadworks-fac")


@pytest.mark.rows("B7")
@pytest.mark.profile("3cx")
async def test_3cx_dnd_is_a_status_code(phone: Phone, server: Server, profile: Profile) -> None:
    """3CX: the user presses Do Not Disturb, the phone calls *32, and the status changes; *30 takes it back."""
    await _switches(profile, phone, server, "dnd")


@pytest.mark.rows("B7")
@pytest.mark.profile("3cx")
async def test_3cx_tells_the_phone_nothing(phone: Phone, server: Server, profile: Profile) -> None:
    """3CX by codes is one way: a change in the management console does not reach the phone by this road."""
    needs_features(profile, "dnd")
    await phone.start()
    await server.set_dnd(phone.user, True)
    await phone.shows(dnd=False)


@pytest.mark.rows("B8")
@pytest.mark.profile("yeastar-s")
async def test_yeastar_s_dnd(phone: Phone, server: Server, profile: Profile) -> None:
    """Yeastar S series: *74 switches Do Not Disturb on, *074 off."""
    await _switches(profile, phone, server, "dnd")


@pytest.mark.rows("B8")
@pytest.mark.profile("yeastar-s")
async def test_yeastar_s_forwards(phone: Phone, server: Server, profile: Profile) -> None:
    """Yeastar S series: *71, *72 and *73 with the number set the three forwards; *071, *072 and *073 end them."""
    await _switches(profile, phone, server, "cfu", "cfb", "cfna")


@pytest.mark.rows("B8")
@pytest.mark.profile("yeastar-p")
async def test_yeastar_p_forwards(phone: Phone, server: Server, profile: Profile) -> None:
    """Yeastar P series: the same with codes of its own, *31 to *33, which mean something else at 3CX."""
    await _switches(profile, phone, server, "cfu", "cfb", "cfna")


@pytest.mark.rows("B9")
@pytest.mark.profile("huawei-ims")
async def test_huawei_ims_dnd(phone: Phone, server: Server, profile: Profile) -> None:
    """Huawei IMS: *56# and #56#; the hash goes out escaped."""
    await _switches(profile, phone, server, "dnd")


@pytest.mark.rows("B9")
@pytest.mark.profile("huawei-ims")
async def test_huawei_ims_forwards(phone: Phone, server: Server, profile: Profile) -> None:
    """Huawei IMS: the number stands within the code, *57*number#."""
    await _switches(profile, phone, server, "cfu", "cfb", "cfna")


@pytest.mark.rows("B9")
@pytest.mark.profile("huawei-ims")
@pytest.mark.parametrize("form", ["dialstring", "phone", "tel"])
async def test_huawei_ims_takes_every_form_of_uri(phone: Phone, server: Server, form: str, profile: Profile) -> None:
    """An IMS takes a dial string as RFC 4967 writes it, as a telephone number with context, and as a tel URI."""
    needs_codes(profile, "cfu")
    needs_form(profile, form)
    await phone.set_code_form(form)
    await phone.start()
    await phone.forward("cfu", "2002")
    await server.has(phone.user, cfu="2002")
    await phone.shows_too(cfu="2002")


@pytest.mark.rows("B9")
@pytest.mark.profile("zte-ims")
async def test_zte_ims_dnd_and_forward(phone: Phone, server: Server, profile: Profile) -> None:
    """ZTE IMS, as far as it is known: the codes of the other IMS."""
    await _switches(profile, phone, server, "dnd", "cfb")


@pytest.mark.rows("B9")
@pytest.mark.profile("3gpp-mmi")
async def test_mmi_forward_after_so_many_seconds(phone: Phone, server: Server, profile: Profile) -> None:
    """The codes of mobile networks: **61*number**20# forwards after twenty seconds, four rings."""
    needs_timer(profile)
    await phone.start()
    await phone.forward("cfna", "2002", rings=4)
    await server.has(phone.user, cfna="2002", rings=4)
    await phone.shows_too(cfna="2002", rings=4)
    await phone.stop_forward("cfna")
    await server.has(phone.user, cfna="")


@pytest.mark.profile("3gpp-mmi")
async def test_mmi_dnd_and_forwards(phone: Phone, server: Server, profile: Profile) -> None:
    """The codes of mobile networks for everything else."""
    await _switches(profile, phone, server, "dnd", "cfu", "cfb")


@pytest.mark.profile("freepbx")
async def test_freepbx_dnd_and_forwards(phone: Phone, server: Server, profile: Profile) -> None:
    """FreePBX: *78 and *79; *72, *90 and *52 with the number."""
    await _switches(profile, phone, server, "dnd", "cfu", "cfb", "cfna")


@pytest.mark.profile("freepbx")
async def test_the_longest_code_is_meant(phone: Phone, server: Server, profile: Profile) -> None:
    """*72 alone asks for a number and changes nothing; *72 with a number forwards to it."""
    asks, forwards = code(profile, "cfu", "prompt"), code(profile, "cfu", number="2002")
    await phone.start()
    await phone.dial_code(asks)
    await server.has(phone.user, **nothing_on(profile))
    await phone.dial_code(forwards)
    await server.has(phone.user, **nothing_on(profile) | {"cfu": "2002"})


@WITH_DND
async def test_broadworks_dnd_and_forwards(phone: Phone, server: Server, profile: Profile) -> None:
    """BroadWorks feature access codes."""
    await _switches(profile, phone, server, "dnd", "cfu", "cfb", "cfna")


@pytest.mark.profile("metaswitch-fac")
async def test_metaswitch_forwards(phone: Phone, server: Server, profile: Profile) -> None:
    """Metaswitch: codes for two of the forwards are known."""
    await _switches(profile, phone, server, "cfu", "cfb")


@pytest.mark.profile("fortivoice")
async def test_without_a_code_nothing_is_dialled(phone: Phone, server: Server, profile: Profile) -> None:
    """FortiVoice comes without codes for these features. The user presses the key: the phone calls nobody, and
    does not show what has not happened."""
    needs_none(profile, "dnd")
    await phone.start()
    await phone.set_dnd(True)
    await phone.shows(dnd=False)
    await server.has(phone.user, dnd=False)


@pytest.mark.profile("fortivoice")
async def test_fortivoice_codes_are_set_by_the_administrator(phone: Phone, server: Server, profile: Profile) -> None:
    """The administrator has chosen codes and entered them in the system and on the phone."""
    needs_features(profile, "dnd", "cfu")
    codes = [("dnd", "on", "*61"), ("dnd", "off", "*62"), ("cfu", "on", "*63{number}"), ("cfu", "off", "*64")]
    await server.set_codes(codes)
    await phone.set_codes(codes)
    await phone.start()
    for feature in ("dnd", "cfu"):
        await _switch(phone, server, feature)


@WITH_DND
async def test_a_number_is_dialled_without_separators(phone: Phone, server: Server, profile: Profile) -> None:
    """The user has written the number with blanks and dashes: the code carries the digits alone."""
    needs_codes(profile, "cfu")
    await phone.start()
    await phone.forward("cfu", "20-0 2")
    await server.has(phone.user, cfu="2002")


@WITH_DND
async def test_the_same_code_twice_changes_nothing_more(phone: Phone, server: Server, profile: Profile) -> None:
    """The user presses what is already on."""
    on = code(profile, "dnd")
    await phone.start()
    for _ in range(2):
        await phone.dial_code(on)
        await server.has(phone.user, dnd=True)


async def _switches(profile: Profile, phone: Phone, server: Server, *features: str) -> None:
    """Each feature is switched on and off by its codes; the server does it and the phone shows it."""
    needs_codes(profile, *features)
    await phone.start()
    for feature in features:
        await _switch(phone, server, feature)


async def _switch(phone: Phone, server: Server, feature: str) -> None:
    for on in (True, False):
        if feature == "dnd":
            await phone.set_dnd(on)
        else:
            await (phone.forward(feature, "2002") if on else phone.stop_forward(feature))
        state: dict[str, Any] = {feature: on if feature == "dnd" else "2002" * on}
        await server.has(phone.user, **state)
        await phone.shows_too(**state)
