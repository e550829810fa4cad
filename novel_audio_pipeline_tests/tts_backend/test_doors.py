"""Who may come in, and with what."""

import httpx
import pytest

from novel_audio_pipeline_tests.tts_backend.serving import served

SPEAK = "/api/tts/synthesize"
EVERYWHERE = "0.0.0.0"  # noqa: S104  # told, not bound


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    with served(tmp_path_factory.mktemp("doors")) as running:
        yield running


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:11111", "[::1]:80", "LOCALHOST:1"])
def test_names_of_this_machine_are_let_in(backend, host):
    assert backend.client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example:80", "10.0.0.1", "", "127.0.0.1.x"]
)
def test_a_page_that_rebinds_its_name_is_kept_out(backend, host):
    answer = backend.client.get("/health", headers={"Host": host})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "wrong_host")


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
)
def test_a_post_that_a_foreign_page_could_send_is_refused(backend, kind):
    for path in (SPEAK, "/api/tts/storage/cleanup"):
        answer = backend.client.post(path, content=b'{"text": "a"}', headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["error"]["code"]) == (415, "json_only")


def test_no_page_of_another_origin_may_read(backend):
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for answer in (
        backend.client.get("/health", headers=asked),
        backend.client.options(SPEAK, headers=asked),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_of_a_megabyte_is_refused_before_it_is_read(backend, is_chunked):
    body = b'{"text": "' + b"a" * 1_000_000 + b'"}'
    content = (
        iter([body[i : i + 65536] for i in range(0, len(body), 65536)]) if is_chunked else body
    )
    answer = backend.client.post(
        SPEAK, content=content, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


def test_the_longest_text_fits_however_it_is_escaped(backend):
    text = "😀" * 9_999 + "a"
    answer = backend.client.post(SPEAK, json={"text": text, "return_audio": False})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(("sent", "kept"), [("abc-1.2_3", True), ("a b", False), ("x" * 65, False)])
def test_a_request_keeps_its_id_if_it_is_a_plain_one(backend, sent, kept):
    answer = backend.client.get("/health", headers={"X-Request-ID": sent})
    assert (answer.headers["X-Request-ID"] == sent) is kept
    assert len(answer.headers["X-Request-ID"]) <= 64


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/nothing", "GET", 404), (SPEAK, "GET", 405), ("/api/tts/audio/", "GET", 404)],
)
def test_what_is_not_there_is_said_in_json(backend, path, method, status):
    answer = backend.client.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message"}


def test_a_wrong_method_is_told_the_right_ones(backend):
    for path, allowed in (
        (f"/api/tts/audio/{'a' * 32}", "DELETE, GET, HEAD"),
        (SPEAK, "POST"),
        ("/health", "GET"),
    ):
        assert backend.client.request("OPTIONS", path).headers["Allow"] == allowed


def test_every_answer_that_can_be_provoked_is_described(backend):
    paths = backend.client.get("/openapi.json").json()["paths"]
    file_path = f"/api/tts/audio/{'a' * 32}"
    provoked = [
        ("post", SPEAK, SPEAK, {"json": {"text": " "}}),
        ("post", SPEAK, SPEAK, {"json": {"text": 1}}),
        ("post", SPEAK, SPEAK, {"content": b"x"}),
        ("post", "/v1/audio/speech", "/v1/audio/speech", {"json": {"input": " "}}),
        ("post", "/api/tts/model/info", "/api/tts/model/info", {"json": {"model": "x"}}),
        ("get", file_path, "/api/tts/audio/{file_id}", {}),
        ("delete", file_path, "/api/tts/audio/{file_id}", {}),
        ("get", "/health", "/health", {"headers": {"Host": "evil.example"}}),
    ]
    for method, path, template, options in provoked:
        answer = backend.client.request(method, path, **options)
        described = paths[template][method]["responses"][str(answer.status_code)]
        schema = described["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/ErrorDocument"}


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Basic s3cret"}, 401),
        ({"Authorization": "Bearer s3cre"}, 401),
        ({"Authorization": b"Bearer \xff\xfe"}, 401),
        ({"Authorization": "Bearer s3cret"}, 200),
        ({"Authorization": "bearer s3cret"}, 200),
    ],
)
def test_a_token_opens_everything_and_only_health_is_open_without(tmp_path, header, status):
    with served(tmp_path, token="s3cret", host=EVERYWHERE) as backend:  # noqa: S106  # no secret
        with httpx.Client(base_url=backend.url, headers=header) as client:
            for path in ("/api/tts/voices", "/", "/openapi.json", "/api/tts/storage/stats"):
                assert client.get(path).status_code == status
            assert client.post(SPEAK, json={"text": "a"}).status_code == status
            assert client.get("/health").status_code == 200
        assert backend.client.get("/health", headers={"Host": "reader.example"}).status_code == 200


def test_the_service_tells_what_it_is(backend):
    health = backend.client.get("/health").json()
    assert (health["status"], health["expiry_hours"], health["engine"]) == ("healthy", 2, "tone")
    assert backend.client.get("/api/tts/health").json() == health
    assert backend.client.get("/ready").status_code == 200
    voices = backend.client.get("/api/tts/voices").json()
    assert voices["default_voices"] == {"vi": "vi", "en": "en-us"}
    assert voices["voices"]["vi"]["language"] == "vi"
    paths = backend.client.get("/openapi.json").json()["paths"]
    assert {SPEAK, "/api/tts/audio/{file_id}", "/api/tts/storage/files"} <= set(paths)
