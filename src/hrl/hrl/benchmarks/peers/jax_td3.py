"""TD3 in plain JAX: one compiled function makes several updates by ``lax.scan``; needs jax."""

# ruff: noqa: ANN401 - arrays and trees of a library that need not be installed
import importlib
from itertools import pairwise
from typing import Any

import numpy as np

from hrl.benchmarks.peers import work
from hrl.benchmarks.peers.work import Size, Transitions, Updates, random_transitions


def jax_updates(size: Size) -> Updates:
    """Updates of that TD3.

    Raises:
        ImportError: jax is not installed.
    """
    jax: Any = importlib.import_module("jax")
    jnp: Any = importlib.import_module("jax.numpy")
    replay, rng = random_transitions(), np.random.default_rng(0)

    def perceptron(inputs: int, outputs: int, seed: int) -> list[tuple[Any, Any]]:
        drawn, widths = np.random.default_rng(seed), (inputs, *size.hidden, outputs)
        return [
            (jnp.asarray(drawn.uniform(-1, 1, (n, m)) / n**0.5, jnp.float32), jnp.zeros(m)) for n, m in pairwise(widths)
        ]

    def apply(layers: Any, x: Any) -> Any:
        for weights, bias in layers[:-1]:
            x = jax.nn.relu(x @ weights + bias)
        return x @ layers[-1][0] + layers[-1][1]

    def policy(actor: Any, inputs: Any) -> Any:
        return jnp.tanh(apply(actor, inputs))

    def value(critic: Any, inputs: Any, actions: Any) -> Any:
        return apply(critic, jnp.concatenate((inputs, actions), 1))[:, 0]

    def critic_loss(critics: Any, batch: Any, target: Any) -> Any:
        return sum(((value(critic, batch.inputs, batch.actions) - target) ** 2).mean() for critic in critics)

    def actor_loss(actor: Any, critic: Any, batch: Any) -> Any:
        return -value(critic, batch.inputs, policy(actor, batch.inputs)).mean()

    def adam(parameters: Any, gradients: Any, state: Any) -> tuple[Any, Any]:
        mean, square, count = state
        count = count + 1
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradients)
        square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, gradients)
        rate = work.LR * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        moved = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), parameters, mean, square)
        return moved, (mean, square, count)

    def update(state: Any, parts: Any) -> tuple[Any, None]:
        nets, targets, adams, key, k = state
        batch = Transitions(*parts)
        key, drawn = jax.random.split(key)
        noise = jnp.clip(work.NOISE * jax.random.normal(drawn, batch.actions.shape), -work.NOISE_CLIP, work.NOISE_CLIP)
        next_actions = jnp.clip(policy(targets["actor"], batch.next_inputs) + noise, -1, 1)
        values = [value(critic, batch.next_inputs, next_actions) for critic in targets["critics"]]
        target = batch.rewards + batch.discounts * jnp.minimum(*values)
        gradients = jax.grad(critic_loss)(nets["critics"], batch, target)
        critics, critic_adam = adam(nets["critics"], gradients, adams["critics"])

        def delayed(actor: Any, actor_adam: Any, targets: Any) -> Any:
            actor, actor_adam = adam(actor, jax.grad(actor_loss)(actor, critics[0], batch), actor_adam)
            online = {"actor": actor, "critics": critics}
            return actor, actor_adam, jax.tree.map(lambda t, o: t + work.TAU * (o - t), targets, online)

        actor, actor_adam, targets = jax.lax.cond(
            k % work.POLICY_DELAY == 0, delayed, lambda *unchanged: unchanged, nets["actor"], adams["actor"], targets
        )
        nets, adams = {"actor": actor, "critics": critics}, {"actor": actor_adam, "critics": critic_adam}
        return (nets, targets, adams, key, k + 1), None

    nets = {
        "actor": perceptron(work.INPUTS, work.ACTIONS, 0),
        "critics": [perceptron(work.INPUTS + work.ACTIONS, 1, seed) for seed in (1, 2)],
    }
    zeros = jax.tree.map(jnp.zeros_like, nets)
    adams = {name: (zeros[name], jax.tree.map(jnp.copy, zeros[name]), jnp.zeros(())) for name in nets}
    updates = jax.jit(lambda state, parts: jax.lax.scan(update, state, parts)[0], donate_argnums=0)
    kept = [(nets, jax.tree.map(jnp.copy, nets), adams, jax.random.PRNGKey(0), jnp.zeros((), jnp.int32))]

    def make() -> None:
        drawn = replay.sample(work.TOGETHER * size.batch, rng)
        kept[0] = updates(kept[0], tuple(part.reshape(work.TOGETHER, size.batch, *part.shape[1:]) for part in drawn))
        jax.block_until_ready(kept[0])

    return make
