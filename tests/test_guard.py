"""The guard: which URLs and addresses somebody else may make this program reach."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from yarl import URL

from locker.error import Forbidden, Invalid, Unavailable
from locker.guard import MAIL_PORTS, Guard, check_address, check_headers, check_url

# The registries as IANA prints them (iana-ipv4-special-registry, iana-ipv6-special-registry), copied apart from the guard's own table,
# then multicast, and what was given back or never given out.
REGISTRY = """
0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.0/29 192.0.0.8/32 192.0.0.9/32
192.0.0.10/32 192.0.0.170/32 192.0.0.171/32 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.88.99.2/32 192.168.0.0/16
192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 255.255.255.255/32
::1/128 ::/128 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:1::1/128 2001:1::2/128 2001:1::3/128
2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16
fc00::/7 fe80::/10
224.0.0.0/4 ff00::/8 fec0::/10 ::/96 4000::/3 8000::/1
"""
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.0",
    "172.32.0.1",
    "192.0.1.1",
    "198.20.0.1",
    "223.255.255.255",
    "2606:4700::1111",
]
METADATA = ["169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254"]


def answers(*rounds: str) -> tuple[list[str], Guard]:
    """A guard whose resolver answers one round of addresses after the other, and the hosts that it was asked for."""
    asked: list[str] = []

    def lookup(host: str, port: int) -> list[str]:
        asked.append(host)
        return rounds[min(len(asked), len(rounds)) - 1].split()

    return asked, Guard((), lookup)


@given(st.data())
def test_every_special_address_is_refused(data: st.DataObject) -> None:
    """No address of any block of the special-purpose registries gets through, nor its IPv4-mapped form."""
    block = ip_network(data.draw(st.sampled_from(REGISTRY.split())))
    address = block[data.draw(st.sampled_from([0, -1]) | st.integers(0, block.num_addresses - 1))]
    with pytest.raises(Forbidden, match="allow_networks"):
        check_address(address)
    if address.version == 4:
        with pytest.raises(Forbidden):
            check_address(f"::ffff:{address}")


@pytest.mark.parametrize("address", METADATA)
def test_metadata_addresses_are_refused(address: str) -> None:
    """What clouds answer a machine's own secrets on is out of reach, whichever block it lies in."""
    with pytest.raises(Forbidden):
        check_address(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    """The neighbours of the special blocks are ordinary hosts."""
    assert ip_address(address) == check_address(address)


@given(st.ip_addresses(v=4))
@example(IPv4Address("8.8.8.8"))
def test_no_ipv6_form_hides_an_ipv4_address(inner: IPv4Address | IPv6Address) -> None:
    """Mapped, compatible, translated, NAT64, 6to4 and Teredo forms are refused, whatever they lead to."""
    number = int(inner)
    forms = [0xFFFF << 32 | number, number, 0xFFFF0000 << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80]
    teredo = 0x20010000 << 96 | number << 64 | (number ^ 0xFFFFFFFF)
    for form in (*forms, teredo):
        with pytest.raises(Forbidden):
            check_address(IPv6Address(form))


def test_allow_networks_opens_what_it_names() -> None:
    """An allowed block is reached, its neighbours are not."""
    allowed = [ip_network("127.0.0.0/8"), ip_network("fd00::/8")]
    assert "127.1.2.3" == str(check_address("127.1.2.3", allowed))
    assert "fd00:ec2::254" == str(check_address("fd00:ec2::254", allowed))
    for other in ("10.0.0.1", "::1", "fc00::1", "::ffff:127.0.0.1"):
        with pytest.raises(Forbidden):
            check_address(other, allowed)


def test_an_allowed_translator_leads_to_public_addresses_only() -> None:
    """Who allows NAT64 means the Internet behind it, not the private network of the translator."""
    allowed = [ip_network("64:ff9b::/96")]
    assert "64:ff9b::808:808" == str(check_address("64:ff9b::8.8.8.8", allowed))
    with pytest.raises(Forbidden, match=r"10\.0\.0\.1: a private address"):
        check_address("64:ff9b::10.0.0.1", allowed)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Example.COM", "https://example.com/"),
        ("HTTP://example.com:80/a?b=c#d", "http://example.com/a?b=c"),
        ("http://example.com:8080?x", "http://example.com:8080/?x"),
        ("https://bücher.example/ä?ö", "https://xn--bcher-kva.example/%C3%A4?%C3%B6"),
        ("https://[2606:4700:0::1111]:8443/", "https://[2606:4700::1111]:8443/"),
        ("https://8.8.8.8/%7e%2F", "https://8.8.8.8/%7e%2F"),
        ("https://_dmarc.a_b.example/", "https://_dmarc.a_b.example/"),
    ],
)
def test_ordinary_urls_have_one_spelling(url: str, expected: str) -> None:
    """What is taken is written anew from its parts, and reading that again changes nothing."""
    assert expected == check_url(url).url
    assert check_url(url) == check_url(expected)


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.com", "//example.com/", "http:/example.com", "http:example.com", "http://", "http:///x", "https://:443/"),
        *(
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://example.com/",
            "javascript://example.com/%0aalert(1)",
            "unix://x",
            "ws://x",
        ),
        *(
            "http://me@example.com/",
            "http://me:pw@example.com/",
            "http://example.com@127.0.0.1/",
            "http://@example.com/",
            "http://a:b@c@d/",
        ),
        *("http://127.1/", "http://127.0.1/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/"),
        *(
            "http://017700000001/",
            "http://127.0.0.01/",
            "http://0/",
            "http://1.2.3.4.5/",
            "http://256.1.1.1/",
            "http://x.0x/",
            "http://0xg.1",
        ),
        *("http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/", "http://１２７.0.0.1/", "http://٣.٣.٣.٣/"),
        *("http://example.com./", "http://127.0.0.1./", "http://localhost./", "http://a..b/", "http://.a/", "http://-a.example/"),
        *("http://[::1%25eth0]/", "http://[fe80::1%eth0]/", "http://[::1/", "http://::1/", "http://[127.0.0.1]/", "http://[v1.x]/"),
        *(
            "http://example.com:0/",
            "http://example.com:65536/",
            "http://example.com:/",
            "http://example.com:+80/",
            "http://example.com:٨٠/",
        ),
        *("http://example.com:080/", "http://example.com:22/", "http://example.com:25/", "http://example.com:6379x/", "http://a:1:2/"),
        *("http://example.com\\@127.0.0.1/", "http://example.com\\.evil/", "http://ex ample.com/", "http://example.com/a b", " http://a/"),
        *("http://example.com/\r\nX: y", "http://example.com/\nX", "http://exa\tmple.com/", "http://example.com/\x00", "http://a/\u2028"),
        *("http://ex%61mple.com/", "http://127.0.0.1%2f@example.com/", "http://a\u200bb.example/\u00a0", "http://a<b/", "http://a/\ud800"),
        *(
            "http://" + "a" * 64 + ".example/",
            "http://" + "a." * 130 + "example/",
            "http://example.com/" + "a" * 9000,
            "http://xn--\u00fc/",
        ),
    ],
)
def test_unusual_urls_are_refused(url: str) -> None:
    """No other scheme, user, port, number, dot, bracket, zone, blank or break: what two readers could read differently is not taken."""
    with pytest.raises(Invalid):
        check_url(url)


@given(st.text(max_size=30) | st.from_regex(r"https?://[\w.\[\]:@%\\-]{1,20}(:\d{1,6})?[/?#]?.{0,9}", fullmatch=True))
def test_any_text_is_judged(text: str) -> None:
    """A URL is taken, in a form that is stable and ASCII, or Invalid says why: nothing else happens."""
    try:
        target = check_url(text)
    except Invalid:
        event("refused")
    else:
        assert target.url.isascii()
        assert target == check_url(target.url)
        assert not set(target.url) & set(' \t\r\n\\@"<>') - set(target.path)


LABELS = st.text("abcxyz019-_üß。．xn", min_size=1, max_size=8) | st.sampled_from(["xn--a", "xn--bcher-kva", "0x", "１"])
HOSTS = (
    st.lists(LABELS, min_size=1, max_size=4).map(".".join) | st.ip_addresses(v=6).map(lambda ip: f"[{ip}]") | st.ip_addresses(v=4).map(str)
)
TAILS = st.text("/?#a%2Fé:@[]\\&=+;'\"<>", max_size=12)


@settings(max_examples=400)
@given(st.sampled_from(["http", "HTTPS"]), HOSTS, st.sampled_from(["", ":80", ":8080", ":65535", ":99999", ":"]), TAILS)
def test_readers_of_a_taken_url_agree(scheme: str, host: str, port: str, tail: str) -> None:
    """The host and port that were judged are those that aiohttp and the standard library find in the URL that is used."""
    try:
        target = check_url(f"{scheme}://{host}{port}{tail}")
    except Invalid:
        event("refused")
        return
    event("taken")
    ours = (target.scheme, target.host, target.port)
    aiohttps, standard = URL(target.url, encoded=True), urlsplit(target.url)
    assert ours == (aiohttps.scheme, aiohttps.raw_host, aiohttps.port)
    assert ours == (standard.scheme, standard.hostname, standard.port or {"http": 80, "https": 443}[standard.scheme])
    assert (None, None, target.path) == (aiohttps.user, standard.username, aiohttps.raw_path_qs)


@given(st.ip_addresses())
def test_written_addresses_are_those_connected_to(address: IPv4Address | IPv6Address) -> None:
    """An address in a URL is judged as that address, and nobody is asked for it."""
    asked, guard = answers("8.8.8.8")
    url = f"http://[{address}]/" if address.version == 6 else f"http://{address}/"
    target = check_url(url)
    try:
        assert [address] == guard.resolve(target.host, target.port)
    except Forbidden:
        with pytest.raises(Forbidden):
            guard.check(address)
    assert [] == asked


def test_a_rebinding_name_gains_nothing() -> None:
    """A name that was public when it was registered is looked at again, once, when it is used: the answer used is the answer judged."""
    asked, guard = answers("93.184.216.34", "127.0.0.1")
    assert ["93.184.216.34"] == [str(each) for each in guard.resolve("rebind.example", 80)]
    with pytest.raises(Forbidden, match=r"rebind\.example is 127\.0\.0\.1: a loopback address"):
        guard.resolve("rebind.example", 80)
    assert 2 == len(asked)


@given(st.lists(st.ip_addresses() | st.sampled_from([ip_address(each) for each in PUBLIC + METADATA]), max_size=5))
def test_only_allowed_addresses_are_answered(found: list[IPv4Address | IPv6Address]) -> None:
    """Of a mixed answer only what may be reached is left, in order; if nothing is left the error says why."""
    guard = Guard((), lambda *_: [str(each) for each in found])
    good = [each for each in found if _passes(guard, each)]
    if good:
        assert good == guard.resolve("mixed.example", 443)
    else:
        with pytest.raises(Forbidden if found else Unavailable):
            guard.resolve("mixed.example", 443)


def _passes(guard: Guard, address: IPv4Address | IPv6Address) -> bool:
    try:
        return bool(guard.check(address))
    except Forbidden:
        return False


def test_a_zone_in_a_resolvers_answer_hides_nothing() -> None:
    """A link-local answer with its zone is judged as the address it is."""
    with pytest.raises(Forbidden, match="link-local"):
        Guard((), lambda *_: ["fe80::1%eth0"]).resolve("printer.example", 80)


def test_an_unknown_host_may_be_asked_again() -> None:
    """No answer from the resolver is no verdict: it may come back."""

    def lookup(host: str, port: int) -> list[str]:
        raise OSError("Name or service not known")

    with pytest.raises(Unavailable, match=r"gone\.example has no address"):
        Guard((), lookup).resolve("gone.example", 80)


@pytest.mark.parametrize(
    "headers",
    [
        *(
            {"A": "x\r\nB: y"},
            {"A": "x\ny"},
            {"A": "x\x00"},
            {"A": "\x7f"},
            {"A: b": "x"},
            {"A\r\nB": "x"},
            {"": "x"},
            {"A B": "x"},
            {"A": " x"},
        ),
        *(
            {"Host": "x"},
            {"transfer-encoding": "chunked"},
            {"Content-Length": "0"},
            {"Connection": "x"},
            {"Upgrade": "x"},
            {"A": "€"},
            {"Ä": "x"},
        ),
    ],
)
def test_header_injection_is_refused(headers: dict[str, str]) -> None:
    """A header is one line, and none of those that say where a request ends or whom it is for."""
    with pytest.raises(Invalid):
        check_headers(headers)


def test_ordinary_headers_pass() -> None:
    """What a subscriber usually asks for is taken as it is."""
    wanted = {"Authorization": "Bearer a.b-c", "X-Key": "ä\tb", "Content-Type": "application/json; charset=utf-8"}
    assert wanted == check_headers(wanted)


def test_a_trusted_name_may_be_private_at_its_port_only() -> None:
    """The operator named nas.local:8080: its addresses pass at that port, whatever they are, and nothing else does."""
    guard = Guard(lookup=lambda _host, _port: ["192.168.1.7"]).trusting("http://NAS.local:8080/x")
    assert ["192.168.1.7"] == [str(each) for each in guard.resolve("nas.local", 8080)]
    assert "192.168.1.7" == str(guard.check("192.168.1.7", 8080))
    for attempt in (
        lambda: guard.resolve("nas.local", 8081),
        lambda: guard.check("192.168.1.7", 8081),
        lambda: guard.check("192.168.1.8", 8080),
    ):
        with pytest.raises(Forbidden):
            attempt()


def test_ports_of_mail_are_open_to_who_speaks_it() -> None:
    """HTTP never reaches a mail server; a mail connector reaches its two ports and no third."""
    guard = Guard(lookup=lambda *_: ["93.184.216.34"])
    assert ["93.184.216.34"] == [str(one) for one in guard.resolve("mail.example.org", 993, MAIL_PORTS)]
    for port, also in ((993, ()), (25, MAIL_PORTS)):
        with pytest.raises(Invalid, match="belongs to another protocol"):
            guard.resolve("mail.example.org", port, also)


def test_a_mail_server_that_the_operator_named_may_be_private() -> None:
    """imaps://nas.local stands for its port 993, and for no other."""
    guard = Guard(lookup=lambda *_: ["192.168.1.7"]).trusting("imaps://nas.local")
    assert ["192.168.1.7"] == [str(each) for each in guard.resolve("nas.local", 993, MAIL_PORTS)]
    with pytest.raises(Forbidden):
        guard.resolve("nas.local", 143, MAIL_PORTS)
    with pytest.raises(Invalid):
        Guard().trusting("imaps://")
