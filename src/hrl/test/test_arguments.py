"""Launch arguments: typed, ranged, and every refusal lists what is valid."""

import dataclasses

import pytest

from hrl.graphs.argument_table import LaunchArgumentError, arguments_of, describe_arguments, parse_arguments
from hrl.graphs.arguments import LaunchArguments

NAMES = {argument.name for argument in arguments_of(LaunchArguments)}


def test_no_words_mean_the_defaults():
    assert parse_arguments([], LaunchArguments) == LaunchArguments()


def test_values_have_the_type_of_their_argument():
    words = ["episodes:=2", "rtf:=2", "mode:=realtime", "record:=False", "goal:=0,16", "out:=a:=b"]
    arguments = parse_arguments(words, LaunchArguments)
    assert arguments.episodes == 2
    assert arguments.rtf == 2.0
    assert isinstance(arguments.rtf, float)
    assert arguments.record is False
    assert arguments.goal_vector == (0.0, 16.0)
    assert arguments.out == "a:=b"


def test_of_two_values_the_last_counts():
    assert parse_arguments(["seed:=1", "seed:=2"], LaunchArguments).seed == 2


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("episode:=2", "unknown argument 'episode'; did you mean episodes?"),
        ("episodes", "'episodes' is not of the form name:=value"),
        (":=3", "':=3' is not of the form name:=value"),
        ("episodes:=two", "episodes:=two is not an integer"),
        ("episodes:=-1", "episodes:=-1 must be 0 or more"),
        ("seed:=-1", "seed:=-1 must be between 0 and 9223372036854775807"),
        ("record:=yes", "record:=yes is not true or false"),
        ("rtf:=fast", "rtf:=fast is not a number"),
        ("rtf:=0", "rtf:=0.0 must be between"),
        ("rtf:=nan", "rtf:=nan must be between"),
        ("rtf:=2", "rtf:=2.0 has no meaning in lock-step"),
        ("max_action_age:=3", "max_action_age:=3.0 has no meaning in lock-step"),
        ("max_action_age:=0.5", "max_action_age:=0.5 must be 1 or more"),
        ("wait_limit:=inf", "wait_limit:=inf must be 0 or more"),
        ("split_mb:=nan", "split_mb:=nan must be 0 or more"),
        ("episodes:=99999999999999999999", "episodes:=99999999999999999999 is no number that a node could be given"),
        ("upload:=s3:/bucket/x", "upload:=s3:/bucket/x must be a URI, such as s3://BUCKET/FOLDER"),
        ("catalogue:=rows.db", "catalogue:=rows.db must be a URI, such as postgresql+psycopg://"),
        ("mode:=turbo", "mode:=turbo is not one of lockstep, realtime"),
        ("goal:=1;2", "goal:=1;2 must be finite numbers"),
        ("goal:=1,nan", "goal:=1,nan must be finite numbers"),
        ("namespace:=1robot", "namespace:=1robot must be a ROS namespace"),
        ("namespace:=a//b", "namespace:=a//b must be a ROS namespace"),
        ("out:=", "out:= must be given"),
        ("log_level:=loud", "log_level:=loud is not one of debug, info, warn, error"),
    ],
)
def test_a_wrong_word_is_refused_in_one_line(word, problem):
    with pytest.raises(LaunchArgumentError) as caught:
        parse_arguments([word], LaunchArguments)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(problem)


def test_the_manual_names_every_argument_with_default_and_choices():
    manual = describe_arguments(LaunchArguments)
    assert all(f"    '{name}':" in manual for name in NAMES)
    assert "(default: 'auto')" in manual
    assert "One of: lockstep, realtime." in manual
    assert "(default: 'true')" in manual


def test_the_table_has_every_field():
    assert {field.name for field in dataclasses.fields(LaunchArguments)} == NAMES
