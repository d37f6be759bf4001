"""OpenTelemetry logs over HTTP."""

from __future__ import annotations

import gzip
import json

import pytest


def usb(device):
    return {"table": "usb_devices", "device_id": device, "ts": "2026-11-01T12:00:00Z", "event": "present"}


def message(*records, **resource):
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in resource.items()]
    return json.dumps(
        {"resourceLogs": [{"resource": {"attributes": attributes}, "scopeLogs": [{"logRecords": list(records)}]}]}
    )


def pairs(document):
    return [{"key": key, "value": {"stringValue": value}} for key, value in document.items()]


def ask(taking, body, kind="application/json", **more):
    return taking.ask("POST", "/v1/logs", body, {"Content-Type": kind, **more}, token=taking.token)


def test_json_bodies_as_map_text_and_attributes(taking):
    """The record is in the body, or in the attributes where there is none."""
    records = [
        {"body": {"kvlistValue": {"values": pairs(usb("otlp-1"))}}},
        {"body": {"stringValue": json.dumps(usb("otlp-2"))}},
        {"attributes": pairs(usb("otlp-3"))},
    ]
    answer = ask(taking, message(*records))
    assert (answer.status, json.loads(answer.body)) == (200, {})
    assert taking.devices("usb_devices", {"otlp-1", "otlp-2", "otlp-3"})


def test_an_attribute_names_the_kind(taking):
    """Of the record or of its resource."""
    bare = {name: value for name, value in usb("otlp-4").items() if name != "table"}
    record = {"body": {"stringValue": json.dumps(bare)}, "attributes": pairs({"farmwatch.kind": "usb_devices"})}
    assert json.loads(ask(taking, message(record)).body) == {}
    assert taking.devices("usb_devices", {"otlp-4"})


def test_rejected_records_are_a_partial_success(taking):
    """A 200 that must not be repeated, with the count and the reason."""
    answer = ask(
        taking, message({"body": {"stringValue": "hello"}}, {"body": {"stringValue": json.dumps(usb("otlp-5"))}})
    )
    partial = json.loads(answer.body)["partialSuccess"]
    assert answer.status == 200
    assert partial["rejectedLogRecords"] == "1"
    assert "no feed recognises" in partial["errorMessage"]


def test_protobuf_is_answered_in_protobuf(taking):
    """Same records, same content type back, packed as well."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
        ExportLogsServiceRequest,
        ExportLogsServiceResponse,
    )

    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.body.string_value = json.dumps(usb("otlp-6"))
    body = gzip.compress(request.SerializeToString())
    answer = ask(taking, body, "application/x-protobuf", **{"Content-Encoding": "gzip"})
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert not ExportLogsServiceResponse.FromString(answer.body).HasField("partial_success")
    assert taking.devices("usb_devices", {"otlp-6"})


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"nonsense", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"resourceLogs": [5]}', "application/json", 400),
        (b"\xff\xff\xff", "application/x-protobuf", 400),
        (b"{}", "text/plain", 415),
        (b'{"resourceLogs":' * 20_000, "application/json", 400),
    ],
)
def test_what_is_no_request_is_refused(taking, body, kind, status):
    """With the code of the protocol in the answer."""
    answer = ask(taking, body, kind)
    assert answer.status == status
    assert json.loads(answer.body)["message"]


def test_the_official_exporter_is_content(taking):
    """The SDK's own exporter delivers and counts a success."""
    exporters = pytest.importorskip("opentelemetry.exporter.otlp.proto.http._log_exporter")
    from opentelemetry._logs import LogRecord
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
    from opentelemetry.sdk.resources import Resource

    provider = LoggerProvider(resource=Resource({"host.name": "otlp-host", "farmwatch.kind": "usb_devices"}))
    exporter = exporters.OTLPLogExporter(
        endpoint=f"{taking.served.url}/v1/logs", headers={"Authorization": f"Bearer {taking.token}"}
    )
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    provider.get_logger("test").emit(LogRecord(body=json.dumps(usb("otlp-sdk"))))
    provider.shutdown()
    assert taking.devices("usb_devices", {"otlp-sdk"})
