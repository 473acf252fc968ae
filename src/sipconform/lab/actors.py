"""Who a scenario speaks to: `phone` and `server`, by intents, whoever stands behind the name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sipconform.agents.user_agent import Account
from sipconform.lab.actor import BELIEVED_WITHIN, Actor, CouldNotRunError, NotSupportedError


@dataclass(eq=False, repr=False)
class Phone(Actor):
    """A phone on somebody's desk, signed in as `account`."""

    account: Account = field(kw_only=True)
    silence: Callable[[], str] = field(default=lambda: "nobody answered", kw_only=True)  # of its server

    @property
    def user(self) -> str:
        return self.account.user

    async def start(self, *, sync: bool = True) -> None:
        """Registers; with `sync` the feature synchronisation switch is on. Raises if it cannot register."""
        status = await self.do("start", sync=sync)
        if not 200 <= status < 300:
            answer = self.silence() if status == 408 else f"the registrar answered {status}"
            raise CouldNotRunError(f"{self.name} ({self.account.aor}) could not register: {answer}")

    async def synchronised(self) -> None:
        """Waits for the subscription to feature state; a server that has none is not supported, not broken."""
        status = await self.do("sync_status")
        if status == 489:
            raise NotSupportedError("the server does not know the as-feature-event package (489 Bad Event)")

    async def set_dnd(self, on: bool) -> None:
        """The user presses Do Not Disturb."""
        await self.do("set_dnd", on=on)

    async def forward(self, kind: str, to: str, rings: int | None = None) -> None:
        """The user switches a forward on: `kind` is "cfu", "cfb" or "cfna"."""
        await self.do("forward", kind=kind, active=True, to=to, rings=rings)

    async def stop_forward(self, kind: str) -> None:
        await self.do("forward", kind=kind, active=False, to="", rings=None)

    async def switch_sync(self, on: bool) -> None:
        """The user turns feature synchronisation on or off while the phone runs."""
        await self.do("switch_sync", on=on)

    async def refresh_sync(self) -> None:
        """The phone refreshes its subscription before it must."""
        await self.do("refresh_sync")

    async def forget_sync(self) -> None:
        """The phone loses its subscription and tells nobody."""
        await self.do("forget_sync")

    async def subscribe_for(self, seconds: int) -> None:
        """The phone is set to ask for subscriptions of this length, before it starts."""
        await self.do("subscribe_for", seconds=seconds)

    async def power_cycle(self) -> None:
        """The power fails and comes back: the phone starts from what it keeps in its memory."""
        await self.do("power_cycle")

    async def set_mode(self, mode: str) -> None:
        """By which road the phone keeps features equal: "off", "subscribe", "feature-code" or "csta"."""
        await self.do("set_mode", mode=mode)

    async def set_codes(self, rows: list[tuple[str, str, str]]) -> None:
        """The codes are entered on the phone: rows of feature, action and pattern."""
        await self.do("set_codes", rows=rows)

    async def cannot_apply(self) -> None:
        """The phone takes part in uaCSTA sessions and changes nothing by them, as some phones do."""
        await self.do("cannot_apply")

    async def tell_oddly(self, on: bool) -> int:
        """The user presses Do Not Disturb, and the phone tells its uaCSTA server in an order of its own, with one more
        element and a charset; gives the answer."""
        status: int = await self.do("tell_oddly", on=on)
        return status

    async def call_for_session(self, other: Phone) -> int:
        """Calls another phone directly, as its uaCSTA server would; gives the final status."""
        address = await other.do("where")
        status: int = await self.do("call_for_session", address=address, user=other.user)
        return status

    async def set_code_form(self, form: str) -> None:
        """How the phone writes codes into a Request-URI: "plain", "dialstring", "phone" or "tel"."""
        await self.do("set_code_form", form=form)

    async def dial_code(self, code: str, *, uri: str = "", sender: str = "") -> int:
        """The user dials a code by hand; gives the final status. `uri` and `sender` are said in place of the usual
        Request-URI and From."""
        status: int = await self.do("dial_code", code=code, uri=uri, sender=sender)
        return status

    async def hear_out(self, code: str, within: float) -> int:
        """The user dials a code by hand and listens until the call is over, so many seconds at most."""
        status: int = await self.do("dial_code", code=code, listen=within)
        return status

    async def dial(self, number: str, *, by_proxy: bool = False) -> int:
        """Calls a number and gives the final status of the call, 200 when it was answered. `by_proxy`: the INVITE
        says that a proxy beside the phone stays on the path."""
        status: int = await self.do("dial", number=number, by_proxy=by_proxy)
        return status

    async def answer(self) -> None:
        await self.do("answer")

    async def reject(self, status: int = 486) -> None:
        """The user refuses the call that rings; `status` other than 486 is for phones that can be told."""
        await (self.do("reject") if status == 486 else self.do("reject", status=status))

    async def early_media(self) -> None:
        """The phone that rings plays something to the caller before it answers."""
        await self.do("early_media")

    async def register_as(self, user: str, domain: str = "") -> int:
        """Tries to sign in under another number; gives the registrar's answer."""
        status: int = await self.do("register_as", user=user, domain=domain)
        return status

    async def try_to_start(self) -> int:
        """Registers, whatever comes of it; gives the registrar's answer, 408 for silence."""
        status: int = await self.do("start", sync=False)
        return status

    async def register_for(self, seconds: int) -> int:
        """Registers anew for so many seconds; gives the registrar's answer."""
        status: int = await self.do("register_for", seconds=seconds)
        return status

    async def register_with(self, contact: int, header: int) -> int:
        """Registers with one time in the Contact and another in the header field."""
        status: int = await self.do("register_with", contact=contact, header=header)
        return status

    async def register_late(self) -> int:
        """A REGISTER that was overtaken arrives late; gives the registrar's answer."""
        status: int = await self.do("register_late")
        return status

    async def query_bindings(self) -> list[str]:
        """Asks the registrar where the user is to be found, and changes nothing."""
        found: list[str] = await self.do("query_bindings")
        return found

    async def lose_link(self) -> None:
        """The cable is pulled: nothing gets in or out."""
        await self.do("lose_link")

    async def regain_link(self) -> None:
        await self.do("regain_link")

    async def reboot(self) -> int:
        """Restarts and registers anew, without having signed off; gives the registrar's answer."""
        status: int = await self.do("reboot")
        return status

    async def use_outbound(self) -> None:
        """From the next registration on the phone names its flow, and keeps it alive."""
        await self.do("use_outbound")

    async def mistype_password(self) -> None:
        """The user mistypes the password."""
        await self.do("mistype_password")

    async def sign_out_everywhere(self) -> None:
        """Removes every binding of the user."""
        await self.do("sign_out_everywhere")

    async def watch_registration(self) -> None:
        """Subscribes to what the registrar knows of the user (`reg`); without that package it is not supported."""
        if await self.do("watch_registration") == 489:
            raise NotSupportedError("the server does not know the reg package (489 Bad Event)")

    async def hang_up(self) -> None:
        await self.do("hang_up")

    async def hold(self, **how: Any) -> int:
        """Puts the call on hold; gives the status of the re-INVITE. `style` "inactive" or "0.0.0.0" says it in one of
        the other ways, `late` only in the ACK."""
        status: int = await self.do("hold", **how)
        return status

    async def resume(self) -> int:
        status: int = await self.do("resume")
        return status

    async def remember_call(self) -> None:
        """Keeps the call in front in mind, so that a probe may still name it when it is over ("past call")."""
        await self.do("remember_call")

    async def unplug(self) -> None:
        """The cable is pulled: the phone falls silent without a word."""
        await self.do("unplug")

    async def probe(self, method: str, where: str = "outside", **bent: Any) -> int:
        """Sends one deliberately odd request and gives the status of the answer; see `drivers.own.probe`."""
        status: int = await self.do("probe", method=method, where=where, **bent)
        return status

    async def stop(self) -> None:
        """Signs off in good order."""
        await self.do("stop")


@dataclass(eq=False, repr=False)
class Server(Actor):
    """The call server, and what a portal or an administrator does there. `group` is the hunt group's number."""

    group: str = field(default="", kw_only=True)

    @property
    def group_number(self) -> str:
        """The hunt group's number; a server without one is not supported, not broken."""
        if not self.group:
            raise NotSupportedError("this server has no hunt group")
        return self.group

    async def group_tells(self, **settings: str) -> None:
        """How calls to the group are told of: `reason`, `telling`, `alert_info` (see docs/hunt_group.md)."""
        await self.do("group_tells", **settings)

    async def hire(self) -> str:
        """A new user is created; gives the extension number he was assigned."""
        number: str = await self.do("hire")
        return number

    async def dismiss(self, user: str) -> None:
        """A user is deleted."""
        await self.do("dismiss", user=user)

    async def demand_expires(self, least: int) -> None:
        """From now on registrations shorter than so many seconds are too brief."""
        await self.do("demand_expires", least=least)

    async def ask_keep_alive(self, seconds: int) -> None:
        """From now on phones with outbound are asked to keep their flow alive this often."""
        await self.do("ask_keep_alive", seconds=seconds)

    async def behave_as_proxy(self) -> None:
        """From now on the caller hears of every fork that answers, as from a forking proxy."""
        await self.do("behave_as_proxy")

    async def line_rules(self, **rules: bool | int | str) -> None:
        """What the portal says of the shared line from now on; the words are those of a profile's `[shared_line]`."""
        await self.do("line_rules", **rules)

    async def line_place(self, user: str, **flags: bool) -> None:
        """What the portal says of one place of the line: whether it is `active`, `originates` and `terminates`."""
        await self.do("line_place", user=user, **flags)

    async def share_line(self, user: str) -> None:
        """Another user is given a shared line too, with one place, his own."""
        await self.do("share_line", user=user)

    async def park(self, uri: str, display: str = "") -> None:
        """A caller is parked against the shared line; with "" he has been taken back."""
        await self.do("park", uri=uri, display=display)

    async def set_dnd(self, user: str, on: bool) -> None:
        """Do Not Disturb is switched at the server, as a portal would."""
        await self.do("set_dnd", user=user, on=on)

    async def forward(self, user: str, kind: str, to: str, rings: int | None = None) -> None:
        await self.do("forward", user=user, kind=kind, active=True, to=to, rings=rings)

    async def stop_forward(self, user: str, kind: str) -> None:
        await self.do("forward", user=user, kind=kind, active=False, to="", rings=None)

    async def restart(self) -> None:
        """The server loses power and comes back: what it keeps on disk is all it knows."""
        await self.do("restart")

    async def expire_nonces(self) -> None:
        """The server takes none of the nonces it has given out any more: the next request is challenged."""
        await self.do("expire_nonces")

    async def refuse_changes(self, user: str) -> None:
        """The administrator no longer lets a user change features from the phone."""
        await self.do("refuse_changes", user=user)

    async def assign(self, user: str, *features: str) -> None:
        """The administrator gives a user these features and no others, before a phone of his is there."""
        await self.do("assign", user=user, features=list(features))

    async def end_sync(self, user: str, reason: str) -> None:
        """The server ends every feature subscription of a user, for this reason (RFC 6665 §4.1.3)."""
        await self.do("end_sync", user=user, reason=reason)

    async def shorten_sync(self, user: str, seconds: int) -> None:
        """The server leaves a user's feature subscriptions no more than this time, and tells so (RFC 6665 §4.1.3)."""
        await self.do("shorten_sync", user=user, seconds=seconds)

    async def answer_with(self, document: str) -> None:
        """From now on the 2xx to SUBSCRIBE carries a document, as one server's does."""
        await self.do("answer_with", document=document)

    async def break_down(self) -> None:
        """From now on every change a phone asks for is answered 500."""
        await self.do("break_down")

    async def be_overtaken(self) -> None:
        """From now on the server's NOTIFYs reach a subscriber before its 2xx does, as by UDP they may."""
        await self.do("be_overtaken")

    async def say_nothing(self, on: bool) -> None:
        """Subscriptions to features are accepted, and nothing is told in them, as long as this is on."""
        await self.do("say_nothing", on=on)

    async def offer_sync(self, on: bool) -> None:
        """The administrator switches feature synchronisation on or off for the whole server."""
        await self.do("offer_sync", on=on)

    async def forget_calls(self) -> None:
        """Every call is lost at the server, as after a crash, and nobody is told."""
        await self.do("forget_calls")

    async def set_codes(self, rows: list[tuple[str, str, str]]) -> None:
        """The administrator sets the feature codes: rows of feature, action and pattern."""
        await self.do("set_codes", rows=rows)

    async def let_through(self, user: str) -> int:
        """The server itself calls the user's phones, whatever his features say; gives the first final status."""
        status: int = await self.do("let_through", user=user)
        return status

    async def offer_csta(self, form: str = "event", edition: int = 3, refresh: float = 900.0) -> None:
        """From now on phones that register are called for a uaCSTA session. Changes are told by "event" or "set"."""
        await self.do("offer_csta", form=form, edition=edition, refresh=refresh)

    async def ask_phone(self, user: str, service: str, **fields: Any) -> str | None:
        """Asks the user's phone for a service in the uaCSTA session, in an `edition` if one is named; gives the name
        of the document it answers."""
        name: str | None = await self.do("ask_phone", user=user, service=service, **fields)
        return name

    async def end_csta(self, user: str) -> None:
        """Ends the monitor and the uaCSTA session with the user's phone."""
        await self.do("end_csta", user=user)

    async def send_to_session(self, user: str, content_type: str, body: str, disposition: str) -> int:
        """Sends any INFO in the uaCSTA session; gives the status of the answer."""
        named = {"content_type": content_type, "body": body, "disposition": disposition}
        status: int = await self.do("send_to_session", user=user, **named)
        return status

    async def answer_codes(self, shape: str, prompt: float = 1.0) -> None:
        """How calls to codes are answered from now on, a key of `agents.server.code_server.SHAPES`; `prompt` is how
        many seconds a prompt lasts."""
        await self.do("answer_codes", shape=shape, prompt=prompt)

    async def probe(self, user: str, method: str, where: str = "outside", **bent: Any) -> int:
        """Sends one deliberately odd request to a user's phone and gives the status of the answer."""
        status: int = await self.do("probe", user=user, method=method, where=where, **bent)
        return status

    async def has(self, user: str, within: float = BELIEVED_WITHIN, **wanted: Any) -> None:
        """Waits until the server's own store says all this of a user, where the server can be asked."""
        await self.shows(within, **{f"{user}.{key}": value for key, value in wanted.items()})
