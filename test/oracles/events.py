"""Writes events.json beside it: the bytes that TensorBoard's own writer makes of two events, and CRC-32C values.

    pip install tensorboard setuptools && python test/oracles/events.py
"""
import io, json, pathlib
import tensorboard
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import crc32c
from tensorboard.summary.writer.record_writer import RecordWriter

started = 1767225600.0  # 2026-01-01T00:00:00Z
scalar = lambda tag, value: Summary.Value(tag=tag, simple_value=value)
events = [
    Event(wall_time=started, file_version="brain.Event:2"),
    Event(wall_time=started + 1.5, step=1, summary=Summary(value=[
        scalar("loss/train", 0.75), scalar("loss/train/IIM_TA", 0.1), scalar("loss/valid", 0.7), scalar("score/valid", 0.6)])),
    Event(wall_time=started + 3.5, step=300, summary=Summary(value=[scalar("loss/train", 0.5)])),
    Event(wall_time=started + 3.5, step=300, summary=Summary(value=[scalar("test/A2", 0.7988), scalar("test/MAE", 0.914)])),
]
buffer = io.BytesIO()
writer = RecordWriter(buffer)
for event in events:
    writer.write(event.SerializeToString())
words = ["", "a", "123456789", "The quick brown fox jumps over the lazy dog"]
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(dict(
    source="test/oracles/events.py, tensorboard " + tensorboard.__version__,
    file=buffer.getvalue().hex(), crc32c={word: crc32c(word.encode()) for word in words})) + "\n")
