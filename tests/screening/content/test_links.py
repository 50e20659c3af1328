"""Where addresses lead is what browsers make of them."""

from __future__ import annotations

import pytest

from screening.content.links import addresses, leads_to, named, names


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://News.Example/a?b#c", "news.example"),
        ("//news.example", "news.example"),
        ("http:news.example", "news.example"),
        ("https:\\\\news.example\\@other.example", "news.example"),
        (" ht\ntps://news.exa\tmple:8443", "news.example"),
        ("https://news%2Eexample./", "news.example"),
        ("https://user:secret@news.example/", "news.example"),
        ("https://a.example@b.example@news.example/", "news.example"),
        ("https://ｎｅｗｓ。example/", "news.example"),
        ("https://münchen.example/", "xn--mnchen-3ya.example"),
        ("http://3232235777/", "192.168.1.1"),
        (f"https://bank.example{'a' * 1000}@news.example/", "news.example"),
        (f"https://{'a.' * 45}news.example", f"{'a.' * 45}news.example"),
        ("\x01 https://news.example\x1f", "news.example"),
        ("https://x!.news.example", "x!.news.example"),
        ("/login", ""),
        ("mailto:a@news.example", ""),
        ("javascript:go()", ""),
        ("https://", ""),
        ("https://localhost/", ""),
        ("https://[::1]/", ""),
        ("https://a..example/", ""),
        (f"https://{'a' * 64}.example/", ""),
    ],
)
def test_the_host_is_the_one_that_a_browser_goes_to(address, host):
    assert leads_to(address)[0] == host


def test_what_stands_before_the_at_may_read_like_a_host():
    assert leads_to("https://www.bank.example@evil.example/") == ("evil.example", "www.bank.example")
    assert leads_to("https://www.bank.example%2Flogin@evil.example/") == ("evil.example", "www.bank.example")
    assert leads_to("https://jane:secret@files.example/") == ("files.example", "")


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://www.bank.example/login", "www.bank.example"),
        ("Go to https://bank.example/login, and sign in", "bank.example"),
        ("www.bank.example…", "www.bank.example"),
        (" bank.example ", "bank.example"),
        ("bank.example/my-account", "bank.example"),
        ("bank\u200b.exam\u00adple", "bank.example"),
        ("BANK.EXAMPLE", "bank.example"),
        ("Bank.example", "bank.example"),
        ("https://bank.example@evil.example", "bank.example"),
        ("sign in at bank.example", ""),  # a name within words is no more than a name
        ("jane@bank.example", ""),
        ("Time.Now", ""),
        ("README.md", ""),
        ("setup.py", ""),
        ("read more", ""),
        ("3.5", "3.5"),  # has no owner, so nothing follows from it
        ("", ""),
    ],
)
def test_a_text_names_the_host_that_it_reads_like(text, host):
    assert named(text) == host


def test_addresses_in_a_text():
    text = "See https://a.example/x, (www.b.example) and http:c.example; not ftp or x@www.d.example or mywww.e.example."
    assert [leads_to(each)[0] for each in addresses(text)] == ["a.example", "www.b.example", "c.example"]


def test_names_in_a_text_are_all_that_could_be_hosts():
    assert list(names("Ask jane@mail.example, or look at shop.example/x and https://b.example.")) == [
        "mail.example", "shop.example", "b.example",
    ]  # fmt: skip


def test_hostile_texts_take_linear_time():
    for text in ("a." * 500_000, "www." * 250_000, "https:" * 150_000, "a" * 1_000_000, "@" * 1_000_000):
        assert len(list(addresses(text))) + len(list(names(text))) < 1_000_000
        assert len(named(text)) <= 253
