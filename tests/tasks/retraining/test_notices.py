"""Notices: a line in a file, and a signed webhook that reaches no place it must not."""

import http.server
import json
import socket
import threading

import pytest

from elman.data.errors import UsageError
from elman.tasks.retraining import notices
from elman.tasks.retraining.notices import Channels, Notice, notify, signature

NOTICE = Notice(event="refused", model="names", cause="not better", resume="elman history names", version="2")


@pytest.fixture
def server(monkeypatch):
    """An HTTP server of this machine: its address, what it got, and the status it answers."""
    monkeypatch.setenv(notices.KEY_VARIABLE, "key")
    got, answer = [], {"status": 204, "location": ""}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, dict(self.headers), body))
            self.send_response(answer["status"])
            if answer["location"]:
                self.send_header("Location", answer["location"])
            self.end_headers()

        def log_message(self, *arguments):
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", got, answer
        running.shutdown()
        thread.join()


def test_a_notice_is_a_line_in_the_file(tmp_path, capsys):
    file = tmp_path / "notices" / "log.jsonl"
    notify(NOTICE, Channels(file=file))
    notify(NOTICE, Channels(file=file))
    first, _ = map(json.loads, file.read_text().splitlines())
    assert (first["event"], first["cause"], first["resume"]) == ("refused", "not better", NOTICE.resume)
    assert "names: refused: not better (elman history names)" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_stops_nothing(tmp_path, capsys):
    (tmp_path / "a").write_text("")
    notify(NOTICE, Channels(file=tmp_path / "a" / "b"))
    assert "the notice was not written" in capsys.readouterr().err


def test_the_webhook_gets_the_notice_signed(server):
    address, got, _ = server
    notify(NOTICE, Channels(webhook=f"{address}/hook?x=1", allow_private=True))
    ((path, headers, body),) = got
    assert path == "/hook?x=1"
    assert json.loads(body)["version"] == "2"
    assert headers[notices.SIGNATURE] == signature(body, "key")
    assert headers["Host"] == address.removeprefix("http://")


def test_a_redirect_is_not_followed(server, capsys):
    address, got, answer = server
    answer.update(status=302, location=f"{address}/elsewhere")
    notify(NOTICE, Channels(webhook=f"{address}/hook", allow_private=True))
    assert [path for path, _, _ in got] == ["/hook"]
    assert "expected an answer of 2xx. Got 302; redirects are not followed" in capsys.readouterr().err


def test_a_private_address_is_refused_unless_allowed(server, capsys):
    address, got, _ = server
    notify(NOTICE, Channels(webhook=address))
    assert got == []
    assert "the private address 127.0.0.1; --allow-private-webhook allows it" in capsys.readouterr().err


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "0.0.0.0",
        "192.168.0.1",
        "100.64.0.1",
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "::ffff:127.0.0.1",
        "fd00::1",
    ],
)
def test_addresses_of_this_machine_and_network_are_private(address):
    assert not notices._is_public(address)


def test_public_addresses_are_public():
    assert notices._is_public("93.184.216.34")
    assert notices._is_public("2606:2800:220:1:248:1893:25c8:1946")


def test_a_name_with_one_private_address_is_refused(monkeypatch):
    found = [(0, 0, 0, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **named: found)
    with pytest.raises(ValueError, match=r"private address 10\.0\.0\.1"):
        notices._address("example.org", 80, False)


def test_a_server_that_does_not_answer_stops_nothing(monkeypatch, capsys):
    monkeypatch.setenv(notices.KEY_VARIABLE, "key")
    monkeypatch.setattr(notices, "TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        notify(NOTICE, Channels(webhook=url, allow_private=True))
    assert "The webhook was not told (timed out)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["ftp://example.org/x", "http://", "example.org", "http://a:b/", "file:///etc"]
)
def test_what_is_no_url_is_refused(monkeypatch, url):
    monkeypatch.setenv(notices.KEY_VARIABLE, "key")
    with pytest.raises(UsageError, match="expected --webhook"):
        Channels(webhook=url)


def test_a_webhook_without_a_key_is_refused(monkeypatch):
    monkeypatch.delenv(notices.KEY_VARIABLE, raising=False)
    with pytest.raises(UsageError, match="ELMAN_WEBHOOK_SECRET"):
        Channels(webhook="https://example.org/")
