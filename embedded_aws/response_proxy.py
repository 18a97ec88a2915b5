"""A proxy that receives the responses of custom resources, which are sent to presigned URLs of Amazon S3.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-create.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-vpce-bucketnames.html
"""

import contextlib
import datetime
import re
import shutil
import ssl
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# The DNS suffixes of the AWS partitions, by the start of the names of their Regions:
# https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
_DNS_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "": "amazonaws.com",
}
_BUCKET = "cloudformation-custom-resource-response-"
_HOST = re.compile(
    rf"{_BUCKET}(?P<bucket_region>[a-z0-9]+)\.s3([.-](?P<region>[a-z0-9-]+))?\."
    rf"(?P<suffix>{'|'.join(re.escape(suffix) for suffix in _DNS_SUFFIXES.values())})"
)
_CA_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA of the emulated Amazon S3")])
_CERTIFICATE_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Emulated Amazon S3")])
_VALIDITY = datetime.timedelta(days=365)
_IDLE_SECONDS = 60.0
# How often the server checks whether it must stop.
_POLL_SECONDS = 0.02

# Takes the host, the path with the query, the headers and the body of a request.
OnPut = Callable[[str, str, Mapping[str, str], bytes], int | bytes]


def response_host(region: str) -> str:
    """Return the host of the URLs to which custom resources in a Region send their responses."""
    return f"{_BUCKET}{region.replace('-', '')}.s3.{region}.{_dns_suffix(region)}"


def is_response_host(host: str) -> bool:
    """Return whether custom resources can send their responses to a host."""
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    region = match["region"]
    # A URL without the Region is that of the global endpoint.
    return region is None or (region.replace("-", ""), _dns_suffix(region)) == (match["bucket_region"], match["suffix"])


def _dns_suffix(region: str) -> str:
    return next(suffix for start, suffix in _DNS_SUFFIXES.items() if region.startswith(start))


class ResponseProxy:
    """An HTTP proxy on a free port of this machine that impersonates Amazon S3 for the responses of custom resources.

    Programs that use the proxy and trust its CA send their responses to it. The proxy refuses all other hosts.

    ```python
    with ResponseProxy(lambda host, path, headers, body: 200) as proxy:
        os.environ.update(https_proxy=proxy.url, SSL_CERT_FILE=proxy.ca_file)
    ```

    Args:
        on_put: Called for each PUT request with the host, the path including the query, the headers and the body. It
            returns the HTTP status code of the response, or the bytes that are sent instead of an HTTP response before
            the connection is closed. Calls are concurrent.
    """

    def __init__(self, on_put: OnPut) -> None:
        self._on_put = on_put
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "ResponseProxy":
        self._server = _Server(self._on_put)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        server, thread = self._running(), self._thread
        self._server = self._thread = None
        server.shutdown()
        server.server_close()
        if thread is not None:
            thread.join()

    @property
    def url(self) -> str:
        """The URL of the proxy, the value of the environment variable `https_proxy`."""
        return f"http://127.0.0.1:{self._running().server_address[1]}"

    @property
    def ca_file(self) -> str:
        """The file with the CA certificate in PEM format, the value of the environment variable `SSL_CERT_FILE`."""
        return str(self._running().certificates.ca_file)

    def _running(self) -> "_Server":
        if self._server is None:
            raise RuntimeError("the proxy is not running: use it in a `with` statement")
        return self._server


class _Certificates:
    """The CA, and the certificates that it issues. All certificates have the same key, because new keys take time."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="response-proxy-"))
        self.ca_file = self.directory / "ca.pem"
        self._ca_key = ec.generate_private_key(ec.SECP256R1())
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        ca = self._sign(
            _CA_NAME,
            self._ca_key.public_key(),
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (_key_usage(key_cert_sign=True), True),
        )
        self.ca_file.write_bytes(ca.public_bytes(serialization.Encoding.PEM))

    def context(self, host: str) -> ssl.SSLContext:
        """Return the TLS context for a host."""
        with self._lock:
            if host not in self._contexts:
                self._contexts[host] = self._new_context(host)
            return self._contexts[host]

    def _new_context(self, host: str) -> ssl.SSLContext:
        certificate = self._sign(
            _CERTIFICATE_NAME,
            self._key.public_key(),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (x509.SubjectAlternativeName([x509.DNSName(host)]), False),
            (_key_usage(digital_signature=True), True),
        )
        key = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = self.directory / f"{host}.pem"
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _sign(
        self, name: x509.Name, key: ec.EllipticCurvePublicKey, *extensions: tuple[x509.ExtensionType, bool]
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(_CA_NAME)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + _VALIDITY)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._ca_key.public_key()), critical=False
            )
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self._ca_key, hashes.SHA256())


def _key_usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # server_close doesn't wait for clients that keep their connections open.
    block_on_close = False
    request_queue_size = 128

    def __init__(self, on_put: OnPut) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.on_put = on_put
        self.certificates = _Certificates()

    def server_close(self) -> None:
        super().server_close()
        shutil.rmtree(self.certificates.directory, ignore_errors=True)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log only errors of `on_put`, because clients may close a connection at any time."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection to the proxy: CONNECT, the TLS handshake, and one request in the tunnel."""

    server: _Server
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True
    # Buffer the response, so that it is sent at once.
    wbufsize = -1
    _host: str | None = None

    def do_CONNECT(self) -> None:
        host, _, port = self.path.rpartition(":")
        if self._host is not None or port != "443" or not is_response_host(host):
            self._respond(403)
            return
        self.send_response_only(200, "Connection established")
        self.end_headers()
        self.wfile.flush()
        self._host = host
        with self.server.certificates.context(host).wrap_socket(self.connection, server_side=True) as tunnel:
            self.rfile, self.wfile = tunnel.makefile("rb"), tunnel.makefile("wb")
            self.handle_one_request()
            self.wfile.flush()
            with contextlib.suppress(OSError):
                tunnel.unwrap()
        self.close_connection = True

    def do_PUT(self) -> None:
        if self._host is None:
            self._respond(403)
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self._respond(411)
            return
        body = self.rfile.read(int(length))
        response = self.server.on_put(self._host, self.path, dict(self.headers.items()), body)
        if isinstance(response, int):
            self._respond(response)
        else:
            self.wfile.write(response)

    def _respond(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing: the query of a URL authorizes its response."""
