"""Codes of the scoring API and its processes: code → (meaning, what to do next)."""

CODES: dict[str, tuple[str, str]] = {
    "route_unknown": (
        "The scoring API has no such path.",
        "The paths are /predict/{name} and those of the Open Inference Protocol v2; see docs/serving-api.md.",
    ),
    "method_not_allowed": (
        "The path exists, but not for this method.",
        "Use a method that the Allow header names.",
    ),
    "body_too_large": ("The request's body is over the limit.", "Send the rows in several smaller requests."),
    "too_many_rows": (
        "The request holds more rows than one request may.",
        "Send the rows in several requests.",
    ),
    "body_json": (
        "The request's body is not the JSON that the path takes.",
        "Mend the JSON at the place named.",
    ),
    "number_range": (
        "A number in the body is beyond what a 64-bit float holds.",
        "Send a number of at most 1.7e308 in size, or null where the value is not known.",
    ),
    "body_encoding": (
        "The body's Content-Encoding is unknown or does not fit the bytes.",
        "Send the body plain, or compressed with gzip or deflate.",
    ),
    "http_malformed": (
        "What came over the connection is no HTTP/1.1 request.",
        "Mend the request as the message says; the connection closes, because what follows cannot be told apart.",
    ),
    "head_too_large": (
        "The request's target or headers are over the limit.",
        "Send a shorter path, and fewer or shorter headers; see docs/serving-api.md.",
    ),
    "tls_certificate": (
        "The TLS certificate or its private key cannot be used.",
        "Give PEM files that this process may read: the chain, the server's own first, and its key without a password.",
    ),
    "head_slow": (
        "The request's head did not arrive in time.",
        "Send the request again over a better connection.",
    ),
    "body_slow": ("The body did not arrive in time.", "Send the request again over a better connection."),
    "header_value": (
        "A request header has a value that cannot be used.",
        "Mend the header that the message names.",
    ),
    "query_value": ("A query parameter cannot be used.", "Mend the parameter that the message names."),
    "parameter_value": ("A request parameter cannot be used.", "Mend the parameter that the message names."),
    "input_unknown": (
        "An input has a name that the model does not know.",
        "Ask GET /v2/models/{name} for the inputs; names are compared exactly.",
    ),
    "input_duplicate": ("Two inputs have the same name.", "Send each input once."),
    "input_missing": (
        "The request holds no input.",
        "Send at least one of the model's inputs; the others may be missing.",
    ),
    "input_datatype": (
        "An input's datatype is unknown.",
        "Use a datatype of the Open Inference Protocol, such as FP64 or BYTES.",
    ),
    "input_shape": (
        "An input's shape cannot be used.",
        "Give every input the shape [rows] or [rows, 1], rows alike.",
    ),
    "input_data": (
        "An input's data do not fit its shape or datatype.",
        "Mend the input that the message names.",
    ),
    "output_unknown": (
        "A requested output has a name that the model does not know.",
        "Ask GET /v2/models/{name} for the outputs.",
    ),
    "shared_memory": ("Tensors in shared memory are not served.", "Send the tensors in the request's body."),
    "record_shape": (
        "The body is no record and no list of records.",
        "Send one JSON object, or a list of objects.",
    ),
    "goal_invalid": (
        "The goal of a change is none that this model's answer can come to.",
        "Name one of: label (a class of the model), at_least, at_most, by; for a value one of the last three.",
    ),
    "record_unknown": (
        "A record has no field that the model knows.",
        "Name the fields as the training table's columns; names are compared exactly.",
    ),
    "rule_invalid": (
        "A routing rule cannot be used.",
        "Mend the rule at the place that the message names; docs/routing.md has every field.",
    ),
    "model_loaded": (
        "A model of this name is loaded already (SageMaker container).",
        "Delete it first, or invoke it as it is.",
    ),
    "models_full": (
        "The container's memory for models does not suffice for another (SageMaker container).",
        "Delete models that are not needed, or start the container with a larger --model-bytes.",
    ),
    "model_url": (
        "What a model is to be loaded from is not there, or is no model (SageMaker container).",
        "Name a folder that holds one plan (*.tnp), as 'tenantry model export --format plan' writes it.",
    ),
    "figures_off": ("This worker keeps no figures.", "Ask a worker that the server started: 'tenantry up'."),
    "table_number": (
        "A newer endpoint table is published already.",
        "Build the table again from the current state.",
    ),
    "table_corrupt": (
        "The published endpoint table fails its checksum or its form.",
        "Publish again: any change of keys or aliases does.",
    ),
    "model_unavailable": (
        "The model's plan file cannot be read now.",
        "Try again; if it stays, run 'tenantry model verify' for this model.",
    ),
    "reasons_unsupported": (
        "This kind of model has no reasons.",
        "Leave explain out, or serve the model as a plan, tenantry's own format.",
    ),
    "onnx_foreign": (
        "The ONNX model was not exported by tenantry, so its inputs are unknown.",
        "Export it with tenantry model export --format onnx; exports of earlier versions are to be made again.",
    ),
    "serving_starting": ("The worker has no endpoint table yet.", "Try again in a moment."),
    "serving_internal": (
        "The scoring service has met a defect of its own.",
        "Try again, and report the log line.",
    ),
    "serving_busy": (
        "The worker holds too many large requests at once.",
        "Try again after the Retry-After time.",
    ),
    "rate_limited": (
        "The tenant or the deployment has used up its rate of requests or rows.",
        "Send again after details.retry_after seconds, or ask the operator for a higher rate.",
    ),
    "too_many_in_flight": (
        "The tenant or the deployment has as many requests in flight as it may.",
        "Wait for answers before sending more, or try again after details.retry_after seconds.",
    ),
    "deadline_unreachable": (
        "The worker has too much to do to answer before the request's deadline.",
        "Try again after details.retry_after seconds, or allow a longer time.",
    ),
    "deadline_passed": (
        "The request was let in, and its deadline passed before it could run.",
        "Try again after details.retry_after seconds, or allow a longer time.",
    ),
    "shed": (
        "The worker is overloaded and dropped the request in favour of others.",
        "Try again after details.retry_after seconds; requests of a higher class are dropped last.",
    ),
    "already_running": (
        "A server runs on this home folder already.",
        "Stop it first, or choose another folder with --home.",
    ),
    "port_taken": ("The address cannot be listened on.", "Choose another port, or stop what listens there."),
    "segment_corrupt": (
        "A segment file, by which a scoring worker hands records on, is damaged.",
        "The records before the damage are kept and the file is set aside as .bad; check the disk.",
    ),
    "stats_corrupt": (
        "A worker's published figures cannot be read.",
        "They begin again at zero with that worker's next start; remove the file that the message names.",
    ),
    "log_corrupt": (
        "A file of the inference log cannot be read.",
        "Move the file that the message names out of the way; the other files are not touched by it.",
    ),
}
