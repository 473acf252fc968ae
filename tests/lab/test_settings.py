from pathlib import Path

import pytest

from sipconform.lab.settings import LabError, LabSettings, Weather, load_lab


def lab(folder: Path, text: str) -> LabSettings:
    path = folder / "lab.toml"
    path.write_text(text, "utf-8")
    return load_lab(path)


def test_an_empty_file_is_the_default_laboratory(tmp_path: Path) -> None:
    assert lab(tmp_path, "") == LabSettings()


def test_every_table_is_read(tmp_path: Path) -> None:
    settings = lab(
        tmp_path,
        'under_test = "server"\ntransport = "tcp"\nip = 6\n[server]\nkind = "remote"\naddress = "192.0.2.1"\n'
        '[weather]\nloss = 0.25\n[phones.phone]\nuser = "7"\npassword = "x"\n[phones.other_phone]\nkind = "remote"\n',
    )
    assert (settings.under_test, settings.transport, settings.ip) == ("server", "tcp", 6)
    assert (settings.server.kind, settings.server.address, settings.weather.loss) == ("remote", "192.0.2.1", 0.25)
    assert [(name, phone.user, phone.kind) for name, phone in settings.phones.items()] == [
        ("phone", "7", "own"),
        ("other_phone", "", "remote"),
    ]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('transport = "sctp"', "transport"),
        ("transport = 'sctp'", "there are 'tcp', 'tls', 'udp'"),
        ("ip = 5", "there are 4, 6"),
        ("[phones.phone]\nkind = 'yealink'", "phones.phone.kind: Invalid enum value 'yealink'; there are 'baresip', "),
        ("[weather]\nloss = 1.5", "weather.loss"),
        ("[weather]\ndelay = [1]", "weather.delay"),
        ("[server]\naddress = 5060", "server.address"),
        ("[server]\nadress = '192.0.2.1'", "adress"),
        ("[phones.good]\nuser = '1'\n[phones.phone]\nuser = 1", "phones.phone.user: "),
        ("[phones.phone]\nmodel = 'x'", "phones.phone: "),
        ("phones = 3", "phones: "),
        ("seed = 'x'", "seed"),
        ("[[server]]", "server"),
        ("x = = 1", "line 1"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_key(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(LabError) as caught:
        lab(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'lab.toml'}: ")
    assert key in str(caught.value)


def test_a_missing_file_is_an_error_of_the_same_kind(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot be read"):
        load_lab(tmp_path / "missing.toml")


def test_a_network_that_loses_delays_what_is_shown_and_no_other_does() -> None:
    assert Weather(duplicate=0.5, reorder=0.5).lag == 0
    assert Weather(loss=0.01).lag == 64
