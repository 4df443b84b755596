"""Notices of a retraining: a line in a log file and a signed webhook, sent by our own process.

They do not hang on Prefect's hooks, which are skipped where a worker dies: a run that finds that the last one
died says so itself.
"""

import hashlib
import hmac
import http.client
import ipaddress
import json
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from elman.data.errors import UsageError
from elman.tasks.runtime.console import print_status

KEY_VARIABLE = "ELMAN_WEBHOOK_SECRET"  # of the environment: the key of the signature
SIGNATURE = "X-Elman-Signature"  # header: sha256=HMAC of the body, hexadecimal
TIMEOUT_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Channels:
    """Destinations of notices.

    Attributes:
        file: to which a line of JSON is appended.
        webhook: URL that is sent the same JSON by POST.
        allow_private: True allows addresses of loopback and private networks for the webhook.
    """

    file: Path | None = None
    webhook: str | None = None
    allow_private: bool = False

    def __post_init__(self) -> None:
        """Check the URL."""
        if self.webhook is None:
            return
        try:
            parts = urlsplit(self.webhook)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            valid = False
        if not valid:
            raise UsageError(f"expected --webhook http(s)://HOST/PATH. Got {self.webhook!r}.")
        if not os.environ.get(KEY_VARIABLE):
            raise UsageError(f"expected the key of the webhook's signature in {KEY_VARIABLE}. Got none.")


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Content of a notice.

    Attributes:
        event: promoted, refused, outdated, rolled back, held apart, failed or died.
        model: registered name.
        cause: reason in words.
        resume: command that goes on, or answers it.
        version: of the model, if there is one.
    """

    event: str
    model: str
    cause: str
    resume: str = ""
    version: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the time in UTC."""
        return {"time": datetime.now(UTC).isoformat(timespec="seconds"), **asdict(self)}


def notify(notice: Notice, channels: Channels) -> None:
    """Tell of an event by all channels; one that fails is named and stops nothing."""
    values = notice.to_json()
    shown = f"{notice.model}: {notice.event}: {notice.cause}"
    print_status(shown + (f" ({notice.resume})" if notice.resume else ""))
    body = json.dumps(values, ensure_ascii=True, sort_keys=True).encode()
    if channels.file is not None:
        try:
            channels.file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(channels.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                os.write(descriptor, body + b"\n")
            finally:
                os.close(descriptor)
        except OSError as error:
            print_status(f"{channels.file}: the notice was not written ({error.strerror}).")
    if channels.webhook is not None:
        try:
            post(channels.webhook, body, channels.allow_private)
        except (OSError, ValueError, http.client.HTTPException) as error:
            print_status(f"The webhook was not told ({error}).")


def signature(body: bytes, secret: str) -> str:
    """Signature of a body, as the header has it."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post(url: str, body: bytes, allow_private: bool) -> None:
    """Send a signed POST; redirects are not followed.

    The name is resolved once and the connection goes to the address that was checked, so that a second
    resolution cannot lead elsewhere.

    Raises:
        OSError, http.client.HTTPException: it does not answer in time.
        ValueError: its address is private, or its answer is not of 2xx.
    """
    parts = urlsplit(url)
    host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
    address = _address(host, port, allow_private)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = _PinnedHTTPS(host, port, address)
    else:
        connection = http.client.HTTPConnection(address, port, timeout=TIMEOUT_S)
    headers: Mapping[str, str] = {
        "Host": parts.netloc.rpartition("@")[2],
        "Content-Type": "application/json",
        SIGNATURE: signature(body, os.environ.get(KEY_VARIABLE, "")),
    }
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, dict(headers))
        status = connection.getresponse().status
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise ValueError(f"expected an answer of 2xx. Got {status}; redirects are not followed")


def _address(host: str, port: int, allow_private: bool) -> str:
    """The address of a host; all that it has must be public, unless private ones are allowed."""
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for address in found:
        if not allow_private and not _is_public(address):
            raise ValueError(f"{host} has the private address {address}; --allow-private-webhook allows it")
    return found[0]


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_global and not parsed.is_multicast


class _PinnedHTTPS(http.client.HTTPSConnection):
    """A connection to one address whose certificate is checked for the host's name."""

    def __init__(self, host: str, port: int, address: str) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(host, port, timeout=TIMEOUT_S, context=self._tls)
        self._address = address

    def connect(self) -> None:
        """Connect to the address that was checked."""
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
