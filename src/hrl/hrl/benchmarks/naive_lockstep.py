"""The lock-step loop as one would first write it: three processes, default executor, lists in Float64MultiArray.

Simulator (gymnasium's ant), worker (45-300-300-8 network) and manager (a subgoal every ten steps), a message each way.
Prints one JSON object with its environment steps per second.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

STEPS = 4000
SUBGOAL_PERIOD = 10
DISCOVERY_SECONDS = 3.0
LIMIT_SECONDS = 60.0


def simulate() -> None:
    """Step the ant at every action and publish the step number, positions and velocities."""
    import gymnasium
    import mujoco
    import numpy as np
    import rclpy
    from std_msgs.msg import Float64MultiArray

    asset = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / "ant.xml"
    model = mujoco.MjModel.from_xml_path(str(asset))
    data = mujoco.MjData(model)
    rclpy.init()
    node = rclpy.create_node("simulator")
    publisher = node.create_publisher(Float64MultiArray, "obs", 10)
    step, started = 0, 0.0

    def send() -> None:
        message = Float64MultiArray()
        message.data = np.concatenate([[step], data.qpos, data.qvel]).tolist()
        publisher.publish(message)

    def on_action(message: Float64MultiArray) -> None:
        nonlocal step, started
        if int(message.data[0]) != step:
            return
        started = started or time.perf_counter()
        data.ctrl[:] = message.data[1:9]
        mujoco.mj_step(model, data, 5)
        step += 1
        send()

    node.create_subscription(Float64MultiArray, "act", on_action, 10)
    end = time.monotonic() + DISCOVERY_SECONDS
    while time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.1)
    send()
    end = time.monotonic() + LIMIT_SECONDS
    while step < STEPS and time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=1)
    rate = (step - 1) / (time.perf_counter() - started)
    sys.stdout.write(json.dumps({"env_steps_per_s": rate, "env_steps": step}) + "\n")


def work() -> None:
    """Answer every observation with an action once the subgoal of its period is there."""
    import rclpy
    import torch
    from std_msgs.msg import Float64MultiArray
    from torch import nn

    torch.set_num_threads(1)
    layers = (nn.Linear(45, 300), nn.ReLU(), nn.Linear(300, 300), nn.ReLU(), nn.Linear(300, 8), nn.Tanh())
    network = nn.Sequential(*layers)
    rclpy.init()
    node = rclpy.create_node("worker")
    publisher = node.create_publisher(Float64MultiArray, "act", 10)
    observation: Sequence[float] | None = None
    subgoal: Sequence[float] = []
    chosen_at = -1

    def act() -> None:
        nonlocal observation
        if observation is None or chosen_at != int(observation[0]) // SUBGOAL_PERIOD * SUBGOAL_PERIOD:
            return
        with torch.inference_mode():
            inputs = (list(observation[1:]) + list(subgoal) + [0.0] * 45)[:45]
            action = network(torch.tensor(inputs, dtype=torch.float32))
        message = Float64MultiArray()
        message.data = [float(observation[0]), *action.tolist()]
        observation = None
        publisher.publish(message)

    def on_observation(message: Float64MultiArray) -> None:
        nonlocal observation
        observation = message.data
        act()

    def on_subgoal(message: Float64MultiArray) -> None:
        nonlocal chosen_at, subgoal
        chosen_at, subgoal = int(message.data[0]), message.data[1:]
        act()

    node.create_subscription(Float64MultiArray, "obs", on_observation, 10)
    node.create_subscription(Float64MultiArray, "goal", on_subgoal, 10)
    rclpy.spin(node)


def manage() -> None:
    """Publish a subgoal at every tenth observation."""
    import rclpy
    from std_msgs.msg import Float64MultiArray

    rclpy.init()
    node = rclpy.create_node("manager")
    publisher = node.create_publisher(Float64MultiArray, "goal", 10)

    def on_observation(message: Float64MultiArray) -> None:
        if int(message.data[0]) % SUBGOAL_PERIOD == 0:
            subgoal = Float64MultiArray()
            subgoal.data = [message.data[0]] + [0.1] * 15
            publisher.publish(subgoal)

    node.create_subscription(Float64MultiArray, "obs", on_observation, 10)
    rclpy.spin(node)


def main() -> None:
    """Run one role, or all three."""
    roles = {"worker": work, "manager": manage}
    if len(sys.argv) > 1:
        roles[sys.argv[1]]()
        return
    command = [sys.executable, __file__]
    peers = [subprocess.Popen([*command, role], stderr=subprocess.DEVNULL) for role in roles]
    try:
        time.sleep(4)
        simulate()
    finally:
        for peer in peers:
            peer.kill()


if __name__ == "__main__":
    main()
