"""The proxy impersonates Amazon S3 for the responses of custom resources, and refuses everything else."""

import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from embedded_aws.response_proxy import ResponseProxy, is_response_host, response_host

pytestmark = pytest.mark.deep

_HOST = "cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com"


@dataclass(frozen=True)
class _Put:
    host: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class _Bench:
    """A proxy, the requests that it received, and what it answers."""

    def __init__(self) -> None:
        self.received: list[_Put] = []
        self.answer: int | bytes = 200
        self.proxy = ResponseProxy(self._receive)

    def _receive(self, host: str, path: str, headers: Mapping[str, str], body: bytes) -> int | bytes:
        self.received.append(_Put(host, path, headers, body))
        return self.answer

    def send(self, url: str, method: str = "PUT", body: bytes = b"body", *, ca_file: str | None = None) -> int:
        context = ssl.create_default_context(cafile=self.proxy.ca_file if ca_file is None else ca_file)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({"https": self.proxy.url, "http": self.proxy.url}),
            urllib.request.HTTPSHandler(context=context),
        )
        with opener.open(urllib.request.Request(url, body, method=method, headers={"X-Name": "x"}), timeout=10) as got:
            return int(got.status)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Bench]:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    made = _Bench()
    with made.proxy:
        yield made


def test_a_request_reaches_the_callback_as_it_was_sent(bench: _Bench) -> None:
    assert bench.send(f"https://{_HOST}/arn%3Aaws/name%7Cid?X-Amz-Signature=a%2Fb", body=b"\x00body") == 200
    (put,) = bench.received
    assert (put.host, put.path, put.body) == (_HOST, "/arn%3Aaws/name%7Cid?X-Amz-Signature=a%2Fb", b"\x00body")
    assert (put.headers["X-Name"], put.headers["Content-Length"]) == ("x", "5")


@pytest.mark.parametrize("status", [403, 500, 503])
def test_the_callback_determines_the_status(bench: _Bench, status: int) -> None:
    bench.answer = status
    with pytest.raises(urllib.error.HTTPError) as failed:
        bench.send(f"https://{_HOST}/")
    assert failed.value.code == status


def test_the_callback_can_close_the_connection_or_answer_without_http(bench: _Bench) -> None:
    bench.answer = b""
    with pytest.raises(http.client.RemoteDisconnected):
        bench.send(f"https://{_HOST}/")
    bench.answer = b"220 mail.example ESMTP\r\n"
    with pytest.raises(http.client.BadStatusLine):
        bench.send(f"https://{_HOST}/")


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", _HOST),
        (
            "ap-southeast-1",
            "cloudformation-custom-resource-response-apsoutheast1.s3.ap-southeast-1.amazonaws.com",
        ),
        ("us-gov-west-1", "cloudformation-custom-resource-response-usgovwest1.s3.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn"),
        ("eusc-de-east-1", "cloudformation-custom-resource-response-euscdeeast1.s3.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_each_region_has_its_own_host(bench: _Bench, region: str, host: str) -> None:
    assert response_host(region) == host
    assert bench.send(f"https://{host}/") == 200
    assert bench.received[0].host == host


def test_all_forms_of_s3_endpoints_are_accepted(bench: _Bench) -> None:
    for endpoint in ("s3.eu-west-1", "s3-eu-west-1", "s3"):
        host = f"cloudformation-custom-resource-response-euwest1.{endpoint}.amazonaws.com"
        assert bench.send(f"https://{host}/") == 200


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "s3.eu-west-1.amazonaws.com",
        "my-bucket.s3.eu-west-1.amazonaws.com",
        "cloudformation-custom-resource-response-euwest1.s3.eu-west-2.amazonaws.com",
        "cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com",
        "cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com.example.com",
        f"a.{_HOST}",
        f"{_HOST}:8443",
        "127.0.0.1:80",
    ],
)
def test_all_other_hosts_and_ports_are_refused(bench: _Bench, host: str) -> None:
    assert not is_response_host(host)
    with pytest.raises(urllib.error.URLError, match="Tunnel connection failed: 403 Forbidden"):
        bench.send(f"https://{host}/")
    assert bench.received == []


def test_requests_without_a_tunnel_and_other_methods_are_refused(bench: _Bench) -> None:
    for url, method, status in ((f"http://{_HOST}/", "PUT", 403), (f"https://{_HOST}/", "POST", 501)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            bench.send(url, method)
        assert refused.value.code == status
    assert bench.received == []


def test_the_certificate_is_valid_only_with_the_ca_of_the_proxy(bench: _Bench) -> None:
    with _Bench().proxy as other, pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        bench.send(f"https://{_HOST}/", ca_file=other.ca_file)
    assert bench.received == []


def test_requests_are_served_concurrently(bench: _Bench) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda number: bench.send(f"https://{_HOST}/{number}"), range(64))) == {200}
    assert {put.path for put in bench.received} == {f"/{number}" for number in range(64)}


def test_nothing_remains_at_the_end_even_of_an_open_connection() -> None:
    bench = _Bench()
    with bench.proxy as proxy:
        ca_file = Path(proxy.ca_file)
        assert bench.send(f"https://{_HOST}/") == 200
        waiting = http.client.HTTPConnection(proxy.url.removeprefix("http://"))
        waiting.connect()
        started = time.monotonic()
    assert time.monotonic() - started < 5
    waiting.close()
    assert not ca_file.parent.exists()
    with pytest.raises(RuntimeError, match="not running"):
        _ = proxy.url
