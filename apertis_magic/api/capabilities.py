"""What a server has been found to take and to tell, so that nothing is tried twice."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Capabilities:
    """What the answers and refusals of one server have shown; it begins with nothing.

    Attributes:
        usage_in_streams: False once it has refused ``stream_options``.
        tells_usage: whether a stream that asked for its usage has brought it.
        answers: whether it has answered a question.
        repeats_finish: the models whose answers go on behind a finish reason.
        whole_only: the models that it has refused to stream.
        newer_name: the models that take ``max_completion_tokens`` alone.
    """

    usage_in_streams: bool = True
    tells_usage: bool = False
    answers: bool = False
    repeats_finish: set[str] = field(default_factory=set)
    whole_only: set[str] = field(default_factory=set)
    newer_name: set[str] = field(default_factory=set)
