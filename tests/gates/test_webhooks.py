"""Signed messages to a real server, and everything that must not be reached by them."""

import datetime as dt
import json
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core import mail

from audit import Refused, clock
from audit.models import Entry
from audit.refusals import Conflict, NotAllowed
from gates import transitions
from gates.models import Delivery, Notice, Webhook
from gates.notices.sending import send_all
from gates.notices.telling import tell_all
from gates.rules.notices import FOR_WEBHOOKS, WAITS
from gates.rules.webhooks import secret_bytes, signature
from gates.transitions.webhooks import replay
from gates.webhooks import keys, posting
from gates.webhooks.posting import NotPosted, post
from registry.roles import Role
from tests import make
from tests.gates.stories import WHY, make_webhook, story, verify_record


class Listener:
    """A real HTTP server that keeps what it was sent and answers as it is told."""

    def __init__(self, context: ssl.SSLContext | None = None):
        self.got: list[tuple[dict, bytes]] = []
        self.status, self.headers, self.body, self.slowly = 200, {}, b"ok", 0.0
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.got.append((dict(self.headers), body))
                self.send_response(listener.status)
                for name, value in listener.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(listener.body)))
                self.end_headers()
                try:
                    for place in range(0, len(listener.body), 1 << 16):
                        self.wfile.write(listener.body[place : place + (1 << 16)])
                        time.sleep(listener.slowly)
                except OSError:
                    return  # whoever asked has gone, as it should

            def log_message(self, *args):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?for=gatehouse"


@contextmanager
def listening(context=None):
    listener = Listener(context)
    try:
        yield listener
    finally:
        listener.server.shutdown()
        listener.server.server_close()


@pytest.fixture
def listener(settings):
    settings.WEBHOOKS_ALLOW_LOCAL = True
    with listening() as found:
        yield found


@pytest.fixture
def resolving(monkeypatch):
    """Let names have the addresses that a test gives them, one answer after the other."""

    def resolve(**names: list[str]):
        asked = {name.replace("_", "."): iter(found) for name, found in names.items()}

        def getaddrinfo(host, port, *args, **kwargs):
            if host in asked:
                host = next(asked[host])
            return real(host, port, *args, **kwargs)

        monkeypatch.setattr(posting.socket, "getaddrinfo", getaddrinfo)

    real = socket.getaddrinfo
    return resolve


def tick():
    tell_all()
    return send_all()


def asked():
    told = story()
    told.ask()
    return told


# What is sent


@pytest.mark.django_db
def test_a_message_says_what_happened_and_is_signed(listener):
    hook, secret = make_webhook(url=listener.url, kinds=["promotion.requested"])
    told = asked()
    tick()
    [(headers, body)] = listener.got
    [delivery] = Delivery.objects.filter(webhook=hook)
    assert headers["webhook-id"] == f"msg_{delivery.pk.hex}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert headers["webhook-signature"] == signature(
        secret_bytes(secret), headers["webhook-id"], int(headers["webhook-timestamp"]), body
    )
    assert headers["Content-Type"] == "application/json"
    document = json.loads(body)
    assert document["type"] == "promotion.requested"
    assert document["data"] == {
        "id": str(delivery.notice_id),
        "title": f"Asked for: {told.release} into {told.environment}",
        "headline": f"{told.requester.username} asks to let {told.use_case} release "
        f"{told.release.number} into {told.environment}.",
        "text": document["data"]["text"],
        "url": f"https://testserver/promotions/{told.promotion.pk}/",
        "promotion": told.promotion.pk,
        "state": "in_review",
        "release": told.release.digest,
        "environment": told.environment.slug,
        "api_url": f"https://testserver/api/v1/promotions/{told.promotion.pk}/",
    }
    assert (delivery.status, delivery.error, delivery.due_at) == (200, "", None)
    tick()
    assert len(listener.got) == 1


@pytest.mark.django_db
def test_only_the_kinds_that_are_chosen_go_there_and_nothing_while_it_is_off(listener):
    hook, _ = make_webhook(url=listener.url, kinds=["promotion.decided"])
    told = asked()
    tick()
    assert listener.got == []
    transitions.switch_off(hook.pk, actor=make.admin(), reason=WHY)
    transitions.withdraw(told.promotion.pk, actor=told.requester, reason=WHY)
    tick()
    assert listener.got == []
    assert not Delivery.objects.filter(webhook=hook).exists()


@pytest.mark.django_db
def test_a_test_goes_to_that_webhook_alone(listener):
    hook, _ = make_webhook(url=listener.url)
    make_webhook(url=listener.url)
    transitions.try_out(hook.pk, actor=make.admin(), reason=WHY)
    tick()
    [(_, body)] = listener.got
    assert json.loads(body)["type"] == "webhook.test"
    assert Delivery.objects.get().webhook == hook


@pytest.mark.django_db
def test_a_second_secret_signs_what_is_sent_from_then_on(listener):
    hook, first = make_webhook(url=listener.url, kinds=["promotion.requested"])
    _, second = transitions.renew_secret(hook.pk, actor=make.admin(), reason=WHY)
    assert first != second
    asked()
    tick()
    [(headers, body)] = listener.got
    signed = [
        signature(secret_bytes(one), headers["webhook-id"], int(headers["webhook-timestamp"]), body)
        for one in (first, second)
    ]
    assert [one == headers["webhook-signature"] for one in signed] == [False, True]


# What is not taken


@pytest.mark.django_db
@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500, 503])
def test_what_is_not_taken_is_tried_again_and_no_redirect_followed(listener, status):
    with listening() as other:
        listener.status, listener.headers = status, {"Location": other.url}
        hook, _ = make_webhook(url=listener.url, kinds=["promotion.requested"])
        asked()
        tick()
        [delivery] = Delivery.objects.filter(webhook=hook)
        assert (delivery.status, delivery.attempts, delivery.sent_at) == (status, 1, None)
        assert delivery.error.startswith(f"It answered {status}.")
        assert other.got == []
        listener.status = 204
        with clock.at(clock.now() + WAITS[0]):
            send_all()
    ids = {headers["webhook-id"] for headers, _ in listener.got}
    assert len(listener.got) == 2
    assert len(ids) == 1
    delivery.refresh_from_db()
    assert delivery.status == 204


@pytest.mark.django_db
def test_one_that_takes_nothing_for_days_is_switched_off_and_administrators_hear(listener):
    listener.status = 500
    hook, _ = make_webhook(url=listener.url, kinds=["promotion.requested"])
    asked()
    now = clock.now()
    tick()
    for wait in WAITS:
        now += wait + timedelta(seconds=1)
        with clock.at(now):
            send_all()
    hook.refresh_from_db()
    assert hook.off_since is not None
    assert Delivery.objects.get(webhook=hook).due_at is None
    mail.outbox.clear()
    with clock.at(now):
        tick()
    [sent] = [one for one in mail.outbox if one.to == [make.admin().email]]
    assert sent.subject == f"Switched off: webhook {hook.name}"
    assert sent.body.startswith(f"The webhook {hook.name} is switched off. It did not take")
    assert f"https://testserver/webhooks/{hook.pk}/deliveries/" in sent.body
    assert Entry.objects.filter(event="webhook.switched_off").exists()
    transitions.switch_on(hook.pk, actor=make.admin(), reason=WHY)
    with pytest.raises(Conflict, match="on already"):
        transitions.switch_on(hook.pk, actor=make.admin(), reason=WHY)


@pytest.mark.django_db
def test_one_that_is_gone_is_switched_off_at_once(listener):
    listener.status = 410
    hook, _ = make_webhook(url=listener.url, kinds=["promotion.requested"])
    asked()
    tick()
    hook.refresh_from_db()
    assert hook.off_since is not None


@pytest.mark.django_db
def test_one_that_fails_keeps_nobody_waiting(listener):
    dead, _ = make_webhook(url="http://127.0.0.1:9/", kinds=FOR_WEBHOOKS)
    make_webhook(url=listener.url, kinds=["promotion.requested"])
    for _ in range(2):
        asked()
    tick()
    assert len(listener.got) == 2
    tried = Delivery.objects.filter(webhook=dead).values_list("attempts", flat=True)
    assert sorted(tried) == [0, 0, 0, 1]


@pytest.mark.django_db
def test_replaying_sends_the_same_message_again(listener):
    hook, _ = make_webhook(url=listener.url, kinds=["promotion.requested"])
    asked()
    tick()
    replay(Delivery.objects.get(webhook=hook))
    send_all()
    (first, one), (second, other) = listener.got
    assert one == other
    assert first["webhook-id"] == second["webhook-id"]


# What is never reached


def test_a_name_that_leads_inside_is_refused_before_a_byte_is_sent(resolving):
    with listening() as inside:
        for address in ("127.0.0.1", "10.0.0.8", "169.254.169.254", "::1"):
            resolving(hooks_example_com=[address])
            with pytest.raises(NotPosted, match="public internet"):
                post(f"https://hooks.example.com:{inside.port}/", {}, b"{}")
        assert inside.got == []


def test_one_inner_address_among_public_ones_is_enough(monkeypatch):
    found = [(2, 1, 6, "", (one, 443)) for one in ("198.41.0.4", "192.168.0.7")]
    monkeypatch.setattr(posting.socket, "getaddrinfo", lambda *args, **kwargs: found)
    with pytest.raises(NotPosted, match=r"192\.168\.0\.7"):
        post("https://hooks.example.com/", {}, b"{}")


def test_the_connection_goes_to_the_address_that_was_judged(monkeypatch, resolving):
    connected = []

    def connect(address, timeout):
        connected.append(address)
        raise ConnectionRefusedError("nobody")

    monkeypatch.setattr(posting.socket, "create_connection", connect)
    # The second answer would lead inside; it is never asked for.
    resolving(hooks_example_com=["198.41.0.4", "127.0.0.1"])
    with pytest.raises(NotPosted, match="nobody"):
        post("https://hooks.example.com/", {}, b"{}")
    assert connected == [("198.41.0.4", 443)]


def test_a_name_without_an_address_and_a_resolver_that_hangs(monkeypatch):
    def fail(*args, **kwargs):
        raise socket.gaierror("no such name")

    monkeypatch.setattr(posting.socket, "getaddrinfo", fail)
    with pytest.raises(NotPosted, match="has no address here"):
        post("https://hooks.example.com/", {}, b"{}")
    monkeypatch.setattr(posting, "RESOLVE", 0.05)
    monkeypatch.setattr(posting.socket, "getaddrinfo", lambda *a, **k: time.sleep(1) or [])
    with pytest.raises(NotPosted, match="has no address here"):
        post("https://hooks.example.com/", {}, b"{}")


def test_an_answer_without_end_is_not_read_to_its_end():
    with listening() as listener:
        listener.body = b"x" * (64 << 20)
        before = time.monotonic()
        assert post(listener.url, {}, b"{}", allow_local=True) == 200
        assert time.monotonic() - before < 5


def test_a_server_that_drips_is_cut_off(monkeypatch):
    monkeypatch.setattr(posting, "TOTAL", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            there, _ = server.accept()
            try:
                for sign in b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 1000:
                    there.sendall(bytes([sign]))
                    time.sleep(0.05)
            except OSError:
                return

        threading.Thread(target=drip, daemon=True).start()
        port = server.getsockname()[1]
        before = time.monotonic()
        with pytest.raises(NotPosted):
            post(f"http://127.0.0.1:{port}/", {}, b"{}", allow_local=True)
        assert time.monotonic() - before < 4


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    """A certificate for hooks.example.com, and the context that trusts it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example.com")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("hooks.example.com")]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    file = folder / "server.pem"
    pem = serialization.Encoding.PEM
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, file


def test_the_certificate_is_checked_against_the_name_not_the_address(
    certified, monkeypatch, resolving
):
    server, file = certified
    monkeypatch.setattr(posting, "address_problem", lambda *args, **kwargs: "")
    with listening(server) as listener:
        url = f"https://hooks.example.com:{listener.port}/"
        resolving(hooks_example_com=["127.0.0.1"] * 2, other_example_com=["127.0.0.1"])
        with pytest.raises(NotPosted, match="CERTIFICATE_VERIFY_FAILED"):
            post(url, {}, b"{}")
        trusting = ssl.create_default_context(cafile=file)
        monkeypatch.setattr(posting, "tls_context", lambda: trusting)
        assert post(url, {}, b"{}") == 200
        with pytest.raises(NotPosted, match="CERTIFICATE_VERIFY_FAILED"):
            post(url.replace("hooks", "other"), {}, b"{}")
    assert len(listener.got) == 1


# Who makes them, and what is kept


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "field", "says"),
    [
        ({"url": "http://hooks.example.com/"}, "url", "begins with https://"),
        ({"url": "https://10.0.0.1/"}, "url", "not an address of the public internet"),
        ({"url": "https://localhost/"}, "url", "not an address of the public internet"),
        ({"url": "http://localhost/"}, "url", "begins with https://"),
        ({"kinds": []}, "kinds", "at least one kind"),
        ({"kinds": ["webhook.test"]}, "kinds", "There is no kind webhook.test."),
        ({"name": ""}, "name", ""),
        ({"reason": " "}, "reason", "Give a reason"),
    ],
)
def test_a_webhook_that_may_not_be_is_refused_in_words(values, field, says):
    with pytest.raises(Refused) as refused:
        make_webhook(**values)
    [reason] = refused.value.reasons
    assert reason.field == field
    assert says in reason.sentence
    assert not Webhook.objects.exists()


@pytest.mark.django_db
def test_administrators_alone_make_and_keep_them():
    hook, _ = make_webhook()
    for role in (Role.REGISTRAR, Role.AUDITOR, Role.RISK_OWNER):
        person = make.make_person("", role)
        for verb in (
            lambda by: make_webhook(actor=by),
            lambda by: transitions.switch_off(hook.pk, actor=by, reason=WHY),
            lambda by: transitions.renew_secret(hook.pk, actor=by, reason=WHY),
            lambda by: transitions.try_out(hook.pk, actor=by, reason=WHY),
        ):
            with pytest.raises(NotAllowed):
                verb(person)
    seen = {role: Webhook.objects.visible_to(make.make_person("", role)).exists() for role in Role}
    assert {role for role, sees in seen.items() if sees} == {Role.ADMINISTRATOR, Role.AUDITOR}
    member = make.make_person("", Role.AUDITOR, team=make.make_team())
    assert not Webhook.objects.visible_to(member).exists()


@pytest.mark.django_db
def test_the_secret_is_kept_encrypted_and_nowhere_else(settings):
    hook, secret = make_webhook()
    raw = secret_bytes(secret)
    assert keys.decrypted(hook.secret) == raw
    assert secret not in hook.secret
    assert not hasattr(hook.history.first(), "secret")
    for body in Entry.objects.values_list("body", flat=True):
        assert secret not in body
        assert hook.secret not in body
    key = settings.SECRET_KEY
    settings.SECRET_KEY = "another key " * 5
    with pytest.raises(keys.SecretLost):
        keys.decrypted(hook.secret)
    settings.SECRET_KEY_FALLBACKS = [key]
    assert keys.decrypted(hook.secret) == raw


@pytest.mark.django_db
def test_a_secret_that_is_lost_says_what_to_do(listener, settings):
    hook, _ = make_webhook(url=listener.url, kinds=["promotion.requested"])
    asked()
    settings.SECRET_KEY = "another key " * 5
    tick()
    assert "renew it" in Delivery.objects.get(webhook=hook).error
    assert listener.got == []


@pytest.mark.django_db
def test_the_record_of_a_webhook_reconciles():
    hook, _ = make_webhook()
    transitions.renew_secret(hook.pk, actor=make.admin(), reason=WHY)
    transitions.switch_off(hook.pk, actor=make.admin(), reason=WHY)
    assert verify_record().outcome == "clean"


# The pages


@pytest.mark.django_db
def test_an_administrator_makes_one_and_is_shown_its_secret_once(client, listener):
    client.force_login(make.admin())
    sent = {"name": "ops", "url": "https://10.0.0.1/", "kinds": ["approval.ended"], "reason": WHY}
    answer = client.post("/gates/webhook/add/", sent)
    assert answer.status_code == 422
    assert "not an address of the public internet" in answer.content.decode()
    answer = client.post("/gates/webhook/add/", {**sent, "url": listener.url})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    hook = Webhook.objects.get()
    secret = "whsec_"
    assert secret in answer.content.decode()
    for address in (f"/gates/webhook/{hook.pk}/change/", f"/webhooks/{hook.pk}/deliveries/"):
        assert secret not in client.get(address).content.decode()
    answer = client.post(
        f"/gates/webhook/{hook.pk}/change/",
        {**sent, "url": listener.url, "kinds": ["approval.ending"]},
    )
    assert answer.status_code == 302
    hook.refresh_from_db()
    assert hook.kinds == ["approval.ending"]


@pytest.mark.django_db
def test_the_log_lists_each_delivery_and_sends_it_again(client, listener):
    hook, _ = make_webhook(url=listener.url, kinds=["promotion.requested"])
    asked()
    listener.status = 500
    tick()
    client.force_login(make.admin())
    address = f"/webhooks/{hook.pk}/deliveries/"
    words = client.get(address).content.decode()
    assert "It answered 500. 1 try." in words
    delivery = Delivery.objects.get(webhook=hook)
    listener.status = 200
    assert client.post(address, {"delivery": delivery.pk}).status_code == 302
    send_all()
    assert "Answered 200; 1 try." in client.get(f"{address}?page=7").content.decode()
    assert client.post(address, {"delivery": delivery.pk}).status_code == 302
    words = client.get(address).content.decode()
    assert "To be sent again." in words
    assert "0 tries" not in words
    for wrong in ("", "not-a-key", str(Notice.objects.first().pk)):
        assert client.post(address, {"delivery": wrong}).status_code == 404
