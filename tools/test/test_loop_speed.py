"""``make loop-speed`` holds the loop of another commit against ours."""

import loop_speed
import pytest


def test_a_rate_counts_neither_the_start_nor_the_end_of_a_run(monkeypatch, capsys):
    rates = {"--no_overlap": 500, "--overlap": 800, "": 400}
    monkeypatch.setattr(loop_speed, "_seconds", lambda tree, switch, steps: 7.0 + steps / rates[switch])
    assert loop_speed.main(["HEAD", "--rounds", "1"]) == 0
    told = [line.split(" env steps/s, ") for line in capsys.readouterr().out.splitlines()]
    assert [line.split()[-1] for line, _ in told] == ["400", "500", "800"]
    assert [rest.split()[0] for _, rest in told] == ["1.00", "1.25", "2.00"]


def test_a_run_that_fails_is_told_and_no_rate_is(monkeypatch, capsys):
    monkeypatch.setattr(loop_speed, "RUN", "--task no_such_task")
    with pytest.raises(SystemExit, match="no_such_task"):
        loop_speed.main(["HEAD", "--rounds", "1"])
    assert not capsys.readouterr().out
