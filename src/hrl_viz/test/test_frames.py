"""The robot's pose on tf, as tf2 takes it: rotations of length 1, and no two poses of one stamp."""

from types import SimpleNamespace

import numpy as np
import pytest

from hrl_viz import frames
from hrl_viz.frames import Frames


@pytest.fixture
def published(spec, monkeypatch):
    """What is published of observations, by a function of them."""
    monkeypatch.setattr(frames, "TFMessage", SimpleNamespace)
    sent = []
    publisher = SimpleNamespace(publish=sent.append)
    node = SimpleNamespace(create_lifecycle_publisher=lambda *_: publisher, get_namespace=lambda: "/robot_1")
    frame = Frames(node)  # pyright: ignore[reportArgumentType]
    frame.bind(spec)

    def publish(*observations):
        sent.clear()
        for observation in observations:
            frame.publish(observation)
        return [transform for message in sent for transform in message.transforms]

    return publish


def stamps(transforms):
    return [transform.header.stamp.nanosec for transform in transforms]


def test_a_pose_that_a_reset_left_unnormalised_is_published_as_a_rotation(observe, spec, published):
    observation = observe(x=2.0)
    names = [element.name for element in spec.observation]
    observation.state[[names.index(name) for name in ("qw", "qx", "qy", "qz")]] = 0.9, 0.1, -0.1, 0.3
    (transform,) = published(observation)
    turned = transform.transform.rotation
    quaternion = np.array((turned.w, turned.x, turned.y, turned.z))
    assert quaternion == pytest.approx(np.array((0.9, 0.1, -0.1, 0.3)) / np.sqrt(0.92))
    assert (transform.transform.translation.x, transform.child_frame_id) == (2.0, "robot_1/torso")


def test_an_episode_that_begins_at_the_last_stamp_of_the_one_before_is_newer(observe, published):
    last = observe(step=5, episode=0)
    first = observe(x=1.0, episode=1)._replace(stamp=last.stamp)
    assert stamps(published(last, first)) == [5, 6]
    assert stamps(published(first)) == [6], "for those who missed it"
    assert stamps(published(first._replace(episode=2), first._replace(episode=2, stamp=8))) == [7, 8]
    assert stamps(published(last._replace(run=2))) == [5], "another run begins at its own time"
