"""The look-alike of Elasticsearch's bulk address."""

from __future__ import annotations

import json

import pytest


def usb(device):
    return {"table": "usb_devices", "device_id": device, "ts": "2026-11-01T12:00:00Z", "event": "present"}


def bulk(*documents, action="create", index="farmwatch-usb_devices"):
    return "".join(json.dumps({action: {"_index": index}}) + "\n" + json.dumps(one) + "\n" for one in documents)


def ask(taking, method, path, body=None):
    return taking.ask(method, path, body, {"Content-Type": "application/x-ndjson"}, token=taking.token)


def test_a_bulk_is_answered_item_by_item(taking):
    """A document that is rejected says why and is not to be sent again; its neighbours are stored."""
    answer = ask(taking, "POST", "/_bulk", bulk(usb("es-1"), {**usb("es-2"), "ts": "never"}, usb("es-3")))
    content = json.loads(answer.body)
    assert answer.headers["x-elastic-product"] == "Elasticsearch"
    assert content["errors"] is True
    assert [item["create"]["status"] for item in content["items"]] == [201, 400, 201]
    assert "expected a time" in content["items"][1]["create"]["error"]["reason"]
    assert "es-2" not in taking.devices("usb_devices", {"es-1", "es-3"})


@pytest.mark.parametrize("broken", ['{"a": 1} {"b": 2}', '{"a": 1,', "junk,", "[1]"])
def test_a_broken_document_costs_its_neighbours_nothing(taking, broken):
    """Whatever stands first, it alone is answered with 400."""
    text = f"{json.dumps({'create': {'_index': 'farmwatch-usb_devices'}})}\n{broken}\n"
    items = json.loads(ask(taking, "POST", "/_bulk", text + bulk(usb("es-20"), usb("es-21"))).body)["items"]
    assert [item["create"]["status"] for item in items] == [400, 201, 201]


def test_each_of_many_rejected_documents_is_answered_as_rejected(taking):
    """Also where the account sums them up."""
    listed = [{**usb(f"es-{n}"), **({"ts": "never"} if n % 2 else {})} for n in range(300, 600)]
    items = json.loads(ask(taking, "POST", "/_bulk", bulk(*listed)).body)["items"]
    assert [item["create"]["status"] for item in items] == [201, 400] * 150


def test_the_index_may_stand_in_the_path_and_content_may_tell(taking):
    """Beats name their own index; what is in the documents tells the feed."""
    text = bulk({"message": json.dumps(usb("es-4")), "agent": {"type": "filebeat"}}, index="filebeat-9.1")
    assert not json.loads(ask(taking, "POST", "/filebeat-9.1/_bulk", text).body)["errors"]
    assert taking.devices("usb_devices", {"es-4"})


def test_only_adding_is_done(taking):
    """A delete is refused by its item and touches nothing."""
    text = json.dumps({"delete": {"_index": "x", "_id": "1"}}) + "\n" + bulk(usb("es-5"))
    items = json.loads(ask(taking, "POST", "/_bulk", text).body)["items"]
    assert [next(iter(item.values()))["status"] for item in items] == [400, 201]


def test_the_handshake_of_beats(taking):
    """A version that is new enough, a licence, and set-up that is acknowledged."""
    hello = ask(taking, "GET", "/")
    assert int(json.loads(hello.body)["version"]["number"].split(".")[0]) >= 8
    assert hello.headers["x-elastic-product"] == "Elasticsearch"
    assert json.loads(ask(taking, "GET", "/_license").body)["license"]["status"] == "active"
    assert ask(taking, "HEAD", "/").status == 200
    assert json.loads(ask(taking, "PUT", "/_index_template/winlogbeat", b"{}").body) == {"acknowledged": True}


@pytest.mark.parametrize("body", [b"{}\n", b"nonsense\n", b'{"create": {}}\n', b'{"explode": {}}\n{}\n', b"[" * 50_000])
def test_what_is_no_bulk_is_refused(taking, body):
    """With a reason in the clients' words."""
    answer = ask(taking, "POST", "/_bulk", body)
    assert answer.status == 400
    assert json.loads(answer.body)["error"]["reason"]


def test_the_official_client_is_content(taking):
    """It checks the product, sends a bulk and reads the answers."""
    elasticsearch = pytest.importorskip("elasticsearch")
    from elasticsearch.helpers import bulk as send

    client = elasticsearch.Elasticsearch(taking.served.url, basic_auth=("tester", taking.token))
    try:
        assert client.info()["tagline"]
        done, errors = send(
            client,
            (
                {"_op_type": "create", "_index": "farmwatch-usb_devices", "_source": usb(f"client-{n}")}
                for n in range(50)
            ),
        )
        assert (done, errors) == (50, [])
    finally:
        client.close()
    assert taking.devices("usb_devices", {"client-0", "client-49"})
