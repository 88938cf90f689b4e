"""
A real Dovecot on loopback, with its own configuration and mail, as a normal process.
"""

from __future__ import annotations

import imaplib
import os
import pwd
import shutil
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from .certificates import certificate
from .free import free_ports

COMMAND = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin")
needs_dovecot = pytest.mark.skipif(COMMAND is None, reason="no Dovecot on this machine (Debian: apt-get install dovecot-imapd)")

PASSWORD = "correct-horse"
CONFIG = """
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
instance_name = {name}
protocols = imap
listen = 127.0.0.1
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 1
ssl = yes
ssl_cert = <{home}/cert.pem
ssl_key = <{home}/key.pem
disable_plaintext_auth = yes
auth_mechanisms = plain
auth_failure_delay = 0
mail_location = maildir:{home}/mail/%u
mail_plugins =
imap_capability = {capability}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={home}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {tls}
  }}
  chroot =
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """A running server: its ports, the certificate that it shows, and the *user* who is meant; everybody has a mailbox there."""

    plain: int
    tls: int
    authority: Path
    home: Path
    user: str = "jane"

    def sign_in(self) -> imaplib.IMAP4:
        """A mail program's own connection, that may write."""
        client = imaplib.IMAP4_SSL("localhost", self.tls, ssl_context=ssl.create_default_context(cafile=str(self.authority)), timeout=20)
        client.login(self.user, PASSWORD)
        return client

    def put(self, raw: bytes, mailbox: str = "INBOX", flags: str = "") -> None:
        """Deliver a message."""
        client = self.sign_in()
        client.create(mailbox)
        kind, data = client.append(mailbox, flags, "", raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        assert kind == "OK", data
        client.logout()


@contextmanager
def running(capability: str = "") -> Iterator[Dovecot]:
    """A server until the block ends; *capability* replaces what it says that it can."""
    # Not in pytest's folder: the mail processes of Dovecot may not be root, and that one is closed to all others; socket paths must be short.
    home = Path(tempfile.mkdtemp(prefix="locker-imap-"))
    home.chmod(0o755)
    process: subprocess.Popen[bytes] | None = None
    try:
        plain, tls = free_ports(2)
        certificate(home, "localhost")
        _write_config(home, plain, tls, capability)
        process = subprocess.Popen([COMMAND or "dovecot", "-F", "-c", str(home / "dovecot.conf")], stderr=subprocess.DEVNULL)
        server = Dovecot(plain, tls, home / "cert.pem", home)
        _wait(server, process)
        yield server
    finally:
        if process:
            process.terminate()
            process.wait(20)
        shutil.rmtree(home, ignore_errors=True)


def _write_config(home: Path, plain: int, tls: int, capability: str) -> None:
    me = pwd.getpwuid(os.getuid())
    (home / "mail").mkdir()
    if me.pw_uid == 0:
        mail = pwd.getpwnam("nobody")
        os.chown(home / "mail", mail.pw_uid, mail.pw_gid)
        names = {"internal": "dovecot", "group": "dovecot", "login": "dovenull", "uid": mail.pw_uid, "gid": mail.pw_gid}
    else:
        names = {"internal": me.pw_name, "group": me.pw_gid, "login": me.pw_name, "uid": me.pw_uid, "gid": me.pw_gid}
    text = CONFIG.format(home=home, name=home.name, plain=plain, tls=tls, capability=capability, password=PASSWORD, **names)
    (home / "dovecot.conf").write_text(text if capability else text.replace("imap_capability = \n", ""))


def _wait(server: Dovecot, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            server.sign_in().logout()
        except (OSError, imaplib.IMAP4.error) as error:
            if process.poll() is not None or time.monotonic() > end:
                log = server.home / "log"
                raise RuntimeError(f"Dovecot does not start: {log.read_text()[-2000:] if log.exists() else ''}") from error
            time.sleep(0.05)
        else:
            return
