from __future__ import annotations

from proxy_core.pipeline.splice import ModelMirror, replace_string_field


def test_only_the_top_level_field_is_replaced() -> None:
    body = b'{ "a": {"model": "x"}, "t": "\\"model\\": \\"y\\"", "model" : "old\\"er", "z": [ ] }'
    assert replace_string_field(body, "model", "new") == body.replace(b'"old\\"er"', b'"new"')


def test_a_repeated_field_is_replaced_everywhere() -> None:
    assert replace_string_field(b'{"model":"a","model":"b"}', "model", "c") == b'{"model":"c","model":"c"}'


def test_the_client_sees_the_model_it_asked_for() -> None:
    frame = b'data: {"id":"1","model": "gpt-5-2026","choices":[]}\n\n'
    assert ModelMirror("mine").apply(frame) == b'data: {"id":"1","model":"mine","choices":[]}\n\n'


def test_t20_gemini_calls_it_model_version() -> None:
    assert ModelMirror("mine").apply(b'{"modelVersion":"gemini-x"}') == b'{"modelVersion":"mine"}'


def test_text_that_talks_of_models_stays() -> None:
    frame = b'data: {"delta":{"content":"\\"model\\":\\"x\\""}}\n\n'
    assert ModelMirror("mine").apply(frame) == frame


def test_only_the_objects_own_field_is_set_among_many() -> None:
    inner = b'{"model" : "x", "n": [1e9, -0.5, null, "\\"model\\": \xc3\xa9"]}'
    body = b' {"a":{},"messages" :[' + b",".join([inner] * 3) + b'] ,"model"\t: "old","big":' + b"9" * 5000 + b"}\n"
    assert replace_string_field(body, "model", "new") == body.replace(b'"old"', b'"new"')
    repeated = b'{"model":"a","b":{"model":"c"},"model":"d"}'
    assert replace_string_field(repeated, "model", "new") == b'{"model":"new","b":{"model":"c"},"model":"new"}'
    assert replace_string_field(b'{"b":{"model":"c"},"d":{"model":"e"},"model":7}', "model", "new").endswith(b":7}")
