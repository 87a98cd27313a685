"""Wrong input to stages, conditions, rules and definitions, each with the whole sentence the user reads."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import cx_widgets as cx
from cx_widgets.definition import DefinitionError
from cx_widgets.durations import parse_duration
from cx_widgets.windows import CountedWindow

JOURNEY = cx.Definition({"Consider": ["ad", "search"], "Evaluate": ["compare"], "Buy": ["order"]})
SAY = "Say '30D', '12h', '90min' or '1D12h'"
KINDS = "Say '7D', '5 events', '2 sessions of 30min' or '1 calendar month'"
TIME = "Give a time, such as '2026-01-31T18:00' or '2026-01-31T18:00+01:00'."
ROLES = "Available: ['aware', 'consider', 'evaluate', 'buy', 'enjoy', 'advocate', 'bond']."
NTH = "Say 1 for the first, 2 for the second, '2+' for the second and later ones, None for all."


def stage(name="Buy", events=("order",), **fields):
    return lambda: cx.Stage(name, events, **fields)


def condition(*parts):
    return lambda: cx.Condition(*parts)


def rules(**fields):
    return lambda: cx.Rules(**fields)


def exclusion(*parts, **fields):
    return lambda: cx.Exclusion(*parts, **fields)


def three(**fields):
    return [cx.Stage("Look", ["ad"]), cx.Stage("Cart", ["cart"], **fields), cx.Stage("Buy", ["order"])]


FRAME = pd.DataFrame({"who": 1, "at": ["2026-01-01", "2026-01-02"], "what": ["ad", "order"], "device": "tv"})
LOG = cx.EventLog(FRAME, customer="who", time="at", event="what")


def on_a_log(**fields):
    return lambda: cx.funnel(LOG, cx.Definition({"Look": ["ad"], "Buy": ["order"]}, **fields))


def definition(*parts, **fields):
    return lambda: cx.Definition(*parts, **fields)


def from_dict(data):
    return lambda: cx.Definition.from_dict(data)


def from_json(text):
    return lambda: cx.Definition.from_json(text)


def edit(act):
    return lambda: act(JOURNEY)


CASES = {
    # a stage
    "a name that is a number": (stage(7), "a stage's name is text, not 7. Write '7'."),
    "a blank name": (stage("  "), "a stage's name is blank: '  '. Give it a name."),
    "a name that is too long": (
        stage("x" * 201),
        "a stage's name has 201 characters: 'xxxxxxxxxxxxxxxxxxxx...'. Use at most 200.",
    ),
    "a reserved name": (
        stage(" (End) "),
        "'(End)' is no name for a stage: results use it. Reserved: ['(start)', '(end)', '(unassigned)'].",
    ),
    "events that are nothing": (
        stage(events=None),
        "stage 'Buy': its events are None. Give a list of event names, e.g. ['view', 'order'].",
    ),
    "events as a mapping": (
        stage(events={"order": 1}),
        "stage 'Buy': its events are {'order': 1}. Give a list of event names, e.g. ['view', 'order'].",
    ),
    "an event that is a number": (
        stage(events=["order", 12]),
        "stage 'Buy': event names are text, not 12. Write '12'.",
    ),
    "an empty event name": (stage(events=[""]), "stage 'Buy': an event name is empty: ''. Remove it."),
    "an event twice in one stage": (
        stage(events=["order", "pay", "order"]),
        "event 'order' stands twice in stage 'Buy'. Write it once.",
    ),
    "conditions as text": (
        stage(where="revenue > 0"),
        "stage 'Buy': where holds conditions, not 'revenue > 0'.",
        "Write where=[Condition('channel', '==', 'email')].",
    ),
    "conditions as tuples": (
        stage(where=[("channel", "==", "email")]),
        "stage 'Buy': where holds conditions, not ('channel', '==', 'email').",
        "Write where=[Condition('channel', '==', 'email')].",
    ),
    "occurrence zero": (stage(nth=0), f"stage 'Buy': nth=0 is no occurrence. {NTH}"),
    "an occurrence that is a fraction": (stage(nth=1.5), f"stage 'Buy': nth=1.5 is no occurrence. {NTH}"),
    "an occurrence that is true": (stage(nth=True), f"stage 'Buy': nth=True is no occurrence. {NTH}"),
    "the first and later ones": (stage(nth="1+"), f"stage 'Buy': nth='1+' is no occurrence. {NTH}"),
    "an occurrence in words": (stage(nth="last"), f"stage 'Buy': nth='last' is no occurrence. {NTH}"),
    "an unknown role": (
        stage(role="buyer"),
        "unknown role 'buyer'. Did you mean 'buy'?",
        f"{ROLES} It is the role of stage 'Buy'; None means no role.",
    ),
    # a condition
    "a condition without a column": (
        condition("", "==", 1),
        "a condition's column is the name of a column, not ''. Write e.g.",
        "Condition('channel', '==', 'email').",
    ),
    "one equals sign": (
        condition("channel", "=", "email"),
        "unknown operator '='. Did you mean '=='?",
        "Available: ['==', '!=', '<', '<=', '>', '>=', 'in', 'not in',",
        "'contains', 'is null', 'not null'].",
    ),
    "a comparison with nothing": (
        condition("channel", "==", None),
        "condition 'channel' '==' compares with None, and nothing equals a null.",
        "Use 'is null' or 'not null'.",
    ),
    "a comparison with a gap": (
        condition("value", "<", np.nan),
        "condition 'value' '<' compares with nan, and nothing equals a null. Use 'is null' or 'not null'.",
    ),
    "a comparison with infinity": (
        condition("value", "<", float("inf")),
        "condition 'value' '<' cannot compare with inf. Give text, a finite number, True, False or a time.",
    ),
    "a comparison with a list": (
        condition("channel", "==", ["email"]),
        "condition 'channel' '==' cannot compare with ['email'].",
        "Give text, a finite number, True, False or a time.",
    ),
    "a comparison with code": (
        condition("value", ">", len),
        "condition 'value' '>' cannot compare with <built-in function len>.",
        "Give text, a finite number, True, False or a time.",
    ),
    "one text where several are asked for": (
        condition("channel", "in", "email"),
        "condition 'channel' 'in' needs a list of values, not 'email'. Write e.g. ['email', 'sms'].",
    ),
    "an empty list of values": (
        condition("channel", "not in", []),
        "condition 'channel' 'not in' has an empty list of values. Give at least one.",
    ),
    "a number within text": (
        condition("page", "contains", 7),
        "condition 'page' 'contains' needs a text to look for, not 7. Write e.g. '/checkout'.",
    ),
    "a value where none is asked for": (
        lambda: cx.Condition("channel", "is null", value=True),
        "condition 'channel' 'is null' takes no value, not True. Leave it out.",
    ),
    # durations
    "a bare number": (
        definition({"Buy": ["order"]}, window=30),
        "window=30 has no unit. Say '30D', '30h' or '30min'.",
    ),
    "no number and no unit": (rules(window=0), "window=0 has no unit. Say '30D', '30h' or '30min'."),
    "a bare number in text": (rules(window="30"), "window='30' has no unit. Say '30D', '30h' or '30min'."),
    "a month": (
        rules(window="2 months"),
        "window='2 months': a month is not a fixed duration; say '60D',",
        "or '2 calendar months' for the end of the calendar month.",
    ),
    "a month in pandas' short form": (
        rules(retention_period="1M"),
        "retention_period='1M': a month is not a fixed duration; say '30D'.",
    ),
    "a year": (
        rules(window="1y"),
        "window='1y': a year is not a fixed duration; say '365D', or '1 calendar year' for the end of",
        "the calendar year.",
    ),
    "a quarter": (
        rules(window="1 quarter"),
        "window='1 quarter': a quarter is not a fixed duration; say '91D', or '1 calendar quarter' for the",
        "end of the calendar quarter.",
    ),
    "months and days": (
        rules(window="1 month 2D"),
        "window='1 month 2D': a month is not a fixed duration; say '30D'.",
    ),
    # windows that are counted
    "no events": (rules(window="0 events"), f"window='0 events' holds nothing. {KINDS}."),
    "events below zero": (
        rules(window="-2 events"),
        f"window='-2 events': '-2' is no whole number from 1. {KINDS}.",
    ),
    "half an event": (
        rules(window="2.5 events"),
        f"window='2.5 events': '2.5' is no whole number from 1. {KINDS}.",
    ),
    "events without a number": (rules(window="events"), f"window='events' says no number. {KINDS}."),
    "events of something": (
        rules(window="5 events of 'ad'"),
        f"window=\"5 events of 'ad'\" says more than a number of events: \"of 'ad'\". {KINDS}.",
    ),
    "too many events": (
        rules(window="10000000 events"),
        f"window='10000000 events' is more than 1,000,000, the most that is counted. {KINDS}.",
    ),
    "events in stage order": (
        rules(window="5 events"),
        "window='5 events' with ties='stage': rows at one time have no order to count them by.",
        "Say ties='row'.",
    ),
    "events with a grace": (
        rules(window="5 events", ties="2s"),
        "window='5 events' with ties='2s': rows at one time have no order to count them by.",
        "Say ties='row'.",
    ),
    "sessions without a gap": (
        rules(window="2 sessions"),
        "window='2 sessions' says no gap that ends a session. Say '2 sessions of 30min'.",
    ),
    "sessions with a gap without a unit": (
        rules(window="2 sessions of 30"),
        "the gap of window='2 sessions of 30': '30' has no unit. Say '30D', '30h' or '30min'.",
    ),
    "sessions with a gap of nothing": (
        rules(window="1 session of 0s"),
        f"the gap of window='1 session of 0s': '0s' is not longer than nothing. {SAY}.",
    ),
    "no sessions": (
        rules(window="0 sessions of 30min"),
        f"window='0 sessions of 30min' holds nothing. {KINDS}.",
    ),
    "sessions of a session": (
        rules(window="2 sessions of 30min", unit="30min"),
        "window='2 sessions of 30min' with unit='30min': what is counted is one session already.",
        "Say a gap shorter than 30min, or unit='customer'.",
    ),
    "an unknown calendar unit": (
        rules(window="1 calendar fortnight"),
        "window='1 calendar fortnight' has no known calendar unit 'fortnight'.",
        f"Units: day, week, month, quarter, year. {KINDS}.",
    ),
    "a calendar unit that has a length": (
        rules(window="36 calendar hours"),
        "window='36 calendar hours' has no known calendar unit 'hours'.",
        f"Units: day, week, month, quarter, year. {KINDS}.",
    ),
    "a calendar without a unit": (
        rules(window="2 calendar"),
        "window='2 calendar' has no known calendar unit ''.",
        f"Units: day, week, month, quarter, year. {KINDS}.",
    ),
    "a calendar unit without a number": (
        rules(window="calendar month"),
        f"window='calendar month' says no number. {KINDS}.",
    ),
    "no calendar months": (
        rules(window="0 calendar months"),
        f"window='0 calendar months' holds nothing. {KINDS}.",
    ),
    "a window made by hand that is none": (
        rules(window=CountedWindow(3, "hour")),
        f"window='3 calendar hours' is no window. {KINDS}.",
    ),
    "a window of sessions made by hand without a gap": (
        rules(window=CountedWindow(3, "session")),
        f"window='3 calendar sessions' is no window. {KINDS}.",
    ),
    "a counted window of a stage": (
        stage(window="5 events"),
        f"stage 'Buy': window='5 events' has no known unit 'events'. Units: D, h, min, s, ms, us, ns. {SAY}.",
    ),
    "a counted period of retention": (
        rules(retention_period="1 calendar month"),
        f"retention_period='1 calendar month' is not a duration. {SAY}.",
    ),
    "minutes or months": (
        rules(window="90m"),
        "window='90m': 'm' may mean minutes or months; say '90min' for minutes or '2700D' for months.",
    ),
    "an unknown unit": (
        rules(window="2 fortnights"),
        f"window='2 fortnights' has no known unit 'fortnights'. Units: D, h, min, s, ms, us, ns. {SAY}.",
    ),
    "no duration at all": (rules(window="soon"), f"window='soon' is not a duration. {SAY}."),
    "true as a duration": (rules(window=True), f"window=True is not a duration. {SAY}."),
    "a missing duration": (rules(window=pd.NaT), f"window=NaT is not a duration. {SAY}."),
    "no retention period": (
        rules(retention_period=None),
        f"retention_period=None is not a duration. {SAY}.",
    ),
    "a window of nothing": (rules(window="0D"), f"window='0D' is not longer than nothing. {SAY}."),
    "a window into the past": (
        rules(window=dt.timedelta(days=-7)),
        f"window='-7D' is not longer than nothing. {SAY}.",
    ),
    "a window of ages": (
        rules(window="200000D"),
        f"window='200000D' is longer than 292 years, the most a Timedelta holds. {SAY}.",
    ),
    "less than a nanosecond": (
        rules(window="0.5ns"),
        f"window='0.5ns' is not a whole number of nanoseconds. {SAY}.",
    ),
    "numpy's months": (
        lambda: parse_duration(np.timedelta64(2, "M")),
        f"duration='2 months' has no fixed length. {SAY}.",
    ),
    # rules that come later, and rules that never come
    "an optional that is no truth": (
        stage(optional="yes"),
        "stage 'Buy': optional='yes' is neither True nor False.",
    ),
    "a window of a stage in months": (
        stage(window="1M"),
        "stage 'Buy': window='1M': a month is not a fixed duration; say '30D'.",
    ),
    "a window of a stage without a unit": (
        stage(window=3),
        "stage 'Buy': window=3 has no unit. Say '3D', '3h' or '3min'.",
    ),
    "directly that is no truth": (stage(directly=1), "stage 'Buy': directly=1 is neither True nor False."),
    "an unknown order": (
        rules(order="orderd"),
        "unknown order 'orderd'. Did you mean 'ordered'? Available: ['ordered', 'unbroken',",
        "'strict', 'any'].",
    ),
    "an unknown entry": (
        rules(entry="last"),
        "unknown entry 'last'. Did you mean 'latest'? Available: ['best', 'first', 'latest'].",
    ),
    "an unknown reach": (
        rules(reach="opened"),
        "unknown reach 'opened'. Did you mean 'open'? Available: ['closed', 'open'].",
    ),
    "an unknown reuse": (
        rules(reuse="allowed"),
        "unknown reuse 'allowed'. Available: ['never', 'distinct', 'shared'].",
    ),
    "an unknown count": (rules(count="all"), "unknown count 'all'. Available: ['unique', 'attempts']."),
    "an unknown denominator": (
        rules(denominator="entrant"),
        "unknown denominator 'entrant'. Did you mean 'entrants'? Available: ['entrants', 'all'].",
    ),
    "unknown ties": (
        rules(ties="increasing"),
        "unknown ties 'increasing'. Available: ['stage', 'row', 'strict']. A duration such as '2s'",
        "is the grace by which a stage may be earlier than the one before.",
    ),
    "a grace in months": (
        rules(ties="1 month"),
        "ties='1 month': a month is not a fixed duration; say '30D'.",
    ),
    "a grace that is a number": (rules(ties=2), "ties=2 has no unit. Say '2D', '2h' or '2min'."),
    "a session without a gap": (
        rules(unit="session"),
        "unit='session' says no gap. Give the gap that ends one, unit='30min', or the column that",
        "numbers them, unit='column:session'.",
    ),
    "a unit that is no text": (
        rules(unit=3),
        "unit=3 is nothing to count. Give 'customer', 'journey', a session's gap such as '30min',",
        "or the name of a column.",
    ),
    "a unit that is blank": (
        rules(unit=" "),
        "unit=' ' is nothing to count. Give 'customer', 'journey', a session's gap such as '30min',",
        "or the name of a column.",
    ),
    "a session gap in months": (
        rules(unit="1 month"),
        "unit='1 month': a month is not a fixed duration; say '30D'.",
    ),
    "constant columns that are a number": (
        rules(hold_constant=3),
        "hold_constant=3 are no columns. Give names: ['device'].",
    ),
    "a constant column that is a number": (
        rules(hold_constant=["device", 3]),
        "hold_constant holds 3, which is no name of a column.",
    ),
    "a constant column twice": (
        rules(hold_constant=["device", "device"]),
        "hold_constant=['device', 'device'] names a column twice. Name it once.",
    ),
    "exclusions that are text": (
        rules(exclusions="refund"),
        "exclusions are 'refund'. Give exclusions=[Exclusion(['refund'])].",
    ),
    "an exclusion that is text": (
        rules(exclusions=["refund"]),
        "exclusions hold 'refund'. Write exclusions=[Exclusion(['refund'])].",
    ),
    "an exclusion twice": (
        rules(exclusions=[cx.Exclusion("refund"), cx.Exclusion("refund")]),
        "the exclusion Exclusion(['refund']) stands twice. Write it once.",
    ),
    "an exclusion without events": (
        exclusion([]),
        "an exclusion has no events. Give at least one, e.g. Exclusion(['refund']).",
    ),
    "an exclusion of a number": (exclusion([3]), "an exclusion: event names are text, not 3. Write '3'."),
    "an exclusion after a number": (
        exclusion("refund", after=1),
        "an exclusion's after is the name of a stage, not 1. Leave it out for the first stage.",
    ),
    "an exclusion before nothing": (
        exclusion("refund", before=" "),
        "an exclusion's before is the name of a stage, not ' '. Leave it out for the last stage.",
    ),
    "an unknown effect": (
        exclusion("refund", effect="removed"),
        "unknown effect 'removed'. Did you mean 'remove'? Available: ['stop', 'reset', 'remove'].",
        "It is the effect of an exclusion.",
    ),
    "an exclusion whose where is text": (
        exclusion("refund", where="value > 3"),
        "an exclusion: where holds conditions, not 'value > 3'. Write where=[Condition('channel',",
        "'==', 'email')].",
    ),
    "an exclusion with an unknown field": (
        from_dict({"schema": 1, "stages": [], "rules": {"exclusions": [{"events": ["a"], "from": 1}]}}),
        "unknown field of an exclusion 'from'. Available: ['events', 'after', 'before', 'where',",
        "'effect'].",
    ),
    "any order with open reach": (
        rules(order="any", reach="open"),
        "order='any' with reach='open': in any order every stage is an entry already. Leave",
        "reach='closed'.",
    ),
    "any order in row order": (
        rules(order="any", ties="row"),
        "order='any' with ties='row': no order is asked. Leave ties='stage'.",
    ),
    "any order with a grace": (
        rules(order="any", ties="2s"),
        "order='any' with ties='2s': no order is asked. Leave ties='stage'.",
    ),
    "strict order with a grace": (
        rules(order="strict", ties="2s"),
        "order='strict' with ties='2s': rows that may trade places have no row between them to",
        "forbid.",
    ),
    "unbroken order with a grace": (
        rules(order="unbroken", ties="2s"),
        "order='unbroken' with ties='2s': rows that may trade places have no row between them to",
        "forbid.",
    ),
    "a shared row later than itself": (
        rules(reuse="shared", ties="strict"),
        "reuse='shared' with ties='strict': a row is not later than itself. Say reuse='distinct'.",
    ),
    "shared rows with a grace": (
        rules(reuse="shared", ties="2s"),
        "reuse='shared' with ties='2s': which of two rows serves which stage has no one answer.",
    ),
    "distinct rows with a grace": (
        rules(reuse="distinct", ties="2s"),
        "reuse='distinct' with ties='2s': which of two rows serves which stage has no one answer.",
    ),
    "attempts from the latest start": (
        rules(count="attempts", entry="latest"),
        "count='attempts' with entry='latest': the latest start makes one attempt. Say",
        "entry='first' or 'best'.",
    ),
    "attempts entered anywhere": (
        rules(count="attempts", reach="open"),
        "count='attempts' with reach='open': an attempt begins at the first stage. Leave",
        "reach='closed'.",
    ),
    "attempts with a grace": (
        rules(count="attempts", ties="2s"),
        "count='attempts' with ties='2s': a chain that runs back in time has no end to begin again",
        "from.",
    ),
    "attempts of all": (
        rules(count="attempts", denominator="all"),
        "count='attempts' with denominator='all': units make several attempts or none.",
        "Say denominator='entrants'.",
    ),
    "attempts within journeys": (
        rules(count="attempts", unit="journey"),
        "unit='journey' with count='attempts': a journey ends where an attempt converts. Say",
        "unit='customer'.",
    ),
    "any order with an exclusion between stages": (
        rules(order="any", exclusions=[cx.Exclusion("refund", after="Buy")]),
        "order='any' with an exclusion between stages, Exclusion(['refund'], after='Buy'): stages",
        "have no order to lie between. Leave out after and before.",
    ),
    "an exclusion after an unknown stage": (
        definition({"Look": ["ad"], "Buy": ["order"]}, exclusions=[cx.Exclusion("refund", after="Bye")]),
        "unknown stage 'Bye'. Did you mean 'Buy'? Available: ['Look', 'Buy']. The exclusion",
        "Exclusion(['refund'], after='Bye') names it.",
    ),
    "an exclusion that ends before it begins": (
        definition({"Look": ["ad"], "Buy": ["order"]}, exclusions=[cx.Exclusion("refund", after="Buy")]),
        "the exclusion Exclusion(['refund'], after='Buy') lies between 'Buy' and 'Buy', and nothing",
        "does. Let after be an earlier stage than before.",
    ),
    "an optional first stage": (
        definition([cx.Stage("Look", ["ad"], optional=True), cx.Stage("Buy", ["order"])]),
        "stage 'Look': optional=True cannot be: it is the first stage, and customers enter there.",
        "Leave it out.",
    ),
    "an optional last stage": (
        definition([cx.Stage("Look", ["ad"]), cx.Stage("Buy", ["order"], optional=True)]),
        "stage 'Buy': optional=True cannot be: it is the last stage, and to reach it is to convert.",
        "Leave it out.",
    ),
    "a window to the first stage": (
        definition([cx.Stage("Look", ["ad"], window="1h"), cx.Stage("Buy", ["order"])]),
        "stage 'Look': window='1h' cannot be: it is the first stage, and none lies before it. Leave",
        "it out.",
    ),
    "nothing directly before the first stage": (
        definition([cx.Stage("Look", ["ad"], directly=True)]),
        "stage 'Look': directly=True cannot be: it is the first stage, and none lies before it.",
        "Leave it out.",
    ),
    "an optional stage in any order": (
        definition(three(optional=True), order="any"),
        "stage 'Cart': optional=True cannot be: under order='any' no stage lies before another.",
        "Leave it out.",
    ),
    "a window of a stage in any order": (
        definition(three(window="1h"), order="any"),
        "stage 'Cart': window='1h' cannot be: under order='any' no stage lies before another. Leave",
        "it out.",
    ),
    "an optional stage with open reach": (
        definition(three(optional=True), reach="open"),
        "stage 'Cart': optional=True cannot be: under reach='open' customers enter behind it as",
        "well. Leave it out.",
    ),
    "an optional stage in strict order": (
        definition(three(optional=True), order="strict"),
        "stage 'Cart': optional=True cannot be: order='strict' lets nothing lie between. Leave it",
        "out.",
    ),
    "directly with a grace": (
        definition(three(directly=True), ties="2s"),
        "stage 'Cart': directly=True cannot be: under ties='2s' rows may trade places. Leave it",
        "out.",
    ),
    "an edit that takes a stage from an exclusion": (
        edit(
            lambda one: one.with_rules(exclusions=[cx.Exclusion("refund", after="Evaluate")]).remove(
                "Evaluate"
            )
        ),
        "unknown stage 'Evaluate'. Available: ['Consider', 'Buy']. The exclusion",
        "Exclusion(['refund'], after='Evaluate') names it.",
    ),
    "a unit that is no column": (
        on_a_log(unit="devise"),
        "unknown column 'devise'. Did you mean 'device'? Available: ['device']. unit='devise' asks",
        "for it, or say 'customer' or 'journey'.",
    ),
    "a constant column that is not there": (
        on_a_log(hold_constant=["devise"]),
        "unknown column 'devise'. Did you mean 'device'? Available: ['device'].",
        "hold_constant='devise' asks for it.",
    ),
    "an excluded event that is not there": (
        on_a_log(exclusions=[cx.Exclusion("orders")]),
        "unknown event 'orders'. Did you mean 'order'? Available: ['ad', 'order']. Take it out of",
        "the exclusion Exclusion(['orders']), or correct it there.",
    ),
    "an exclusion on a column that is not there": (
        on_a_log(exclusions=[cx.Exclusion("order", where=[cx.Condition("devise", "==", "tv")])]),
        "unknown column 'devise'. Did you mean 'device'? Available: ['device']. An exclusion asks",
        "for it.",
    ),
    "an end of observation in words": (
        rules(observation_end="end of June"),
        f"observation_end='end of June' is no ISO 8601 time. {TIME}",
    ),
    "an end of observation by the clock": (
        rules(observation_end="now"),
        f"observation_end='now' is no ISO 8601 time. {TIME}",
    ),
    "an end of observation with the month first": (
        rules(observation_end="6/30/2026"),
        f"observation_end='6/30/2026' is no ISO 8601 time. {TIME}",
    ),
    "an end of observation that is a number": (
        rules(observation_end=20260630),
        f"observation_end=20260630 is no time. {TIME}",
    ),
    "an end of observation that is missing": (
        rules(observation_end=pd.NaT),
        f"observation_end='NaT' is no time. {TIME}",
    ),
    "an end of observation on a day there is none": (
        rules(observation_end="2026-02-30"),
        f"observation_end='2026-02-30' is no ISO 8601 time. {TIME}",
    ),
    "an end of observation out of all time": (
        rules(observation_end="3000-01-01"),
        f"observation_end='3000-01-01' lies outside the years 1678 to 2261. {TIME}",
    ),
    "an end of observation with a zone for a log without": (
        on_a_log(observation_end="2026-01-02T00:00+01:00"),
        "observation_end='2026-01-02T00:00:00+01:00' has a time zone, and the times of the log have none.",
        "Leave the zone out, or give the log one: EventLog(..., time_zone=...).",
    ),
    "an end of observation centuries before the log": (
        on_a_log(observation_end="1700-01-01"),
        "observation_end='1700-01-01 00:00:00' lies more than 292 years from the first event,",
        "'2026-01-01 00:00:00'. Give a time closer to it.",
    ),
    "an end of observation behind that of the log": (
        lambda: cx.funnel(
            LOG.until("2026-01-01"),
            cx.Definition({"Look": ["ad"], "Buy": ["order"]}, observation_end="2026-01-02"),
        ),
        "observation_end='2026-01-02 00:00:00' lies behind '2026-01-01 00:00:00', the end of this log",
        "already. Take the whole log.",
    ),
    "an unknown time zone": (
        rules(time_zone="Europe/Berln"),
        "unknown time_zone 'Europe/Berln'. Did you mean 'Europe/Berlin'?",
        "Zones have names such as 'Europe/Berlin', 'America/New_York' or 'UTC'.",
    ),
    "a time zone that is an offset": (
        rules(time_zone=1),
        "time_zone must be a name such as 'Europe/Berlin' or 'UTC', not 1.",
    ),
    "a time zone for times without one": (
        on_a_log(time_zone="Europe/Berlin"),
        "time_zone='Europe/Berlin', and the times of the log have no zone to come from.",
        "Give it one: EventLog(..., time_zone=...), or leave time_zone out of the rules.",
    ),
    "an anchored stage that is neither": (
        stage(anchored="first"),
        "stage 'Buy': anchored='first' is neither True nor False.",
    ),
    "an anchored stage in order": (
        definition(three(anchored=True)),
        "stage 'Cart': anchored=True cannot be: order='ordered' keeps every stage in its place.",
        "Leave it out.",
    ),
    "an anchored stage that is optional": (
        definition(three(anchored=True, optional=True), order="any"),
        "stage 'Cart': optional=True cannot be: under order='any' no stage lies before another.",
        "Leave it out.",
    ),
    "an unknown rule": (
        definition({"Buy": ["order"]}, windows="7D"),
        "unknown rule 'windows'. Did you mean 'window'?",
        "Available: ['count', 'denominator', 'entry', 'exclusions',",
        "'hold_constant', 'observation_end', 'order', 'reach', 'retention_period', 'reuse', ... 4 more].",
    ),
    "an unknown rule to change": (
        edit(lambda journey: journey.with_rules(tie="row")),
        "unknown rule 'tie'. Did you mean 'ties'? Available: ['count', 'denominator', 'entry', 'exclusions',",
        "'hold_constant', 'observation_end', 'order', 'reach', 'retention_period', 'reuse', ... 4 more].",
    ),
    "rules twice": (
        definition({"Buy": ["order"]}, cx.Rules(), window="7D"),
        "rules are given twice, as rules= and as ['window']. Put them all into rules=.",
    ),
    "rules that are none": (
        definition({"Buy": ["order"]}, "30D"),
        "rules are '30D'. Give Rules(window='30D'), or window='30D'.",
    ),
    # a definition
    "no stages": (definition({}), "a definition has no stages. Give at least one, e.g. {'Buy': ['order']}."),
    "one text as stages": (
        definition("Buy"),
        "stages are 'Buy'. Give {'Consider': ['ad'], 'Buy': ['order']} or a list of stages.",
    ),
    "one stage without a list": (
        definition(cx.Stage("Buy", ["order"])),
        "stages are Stage('Buy', ['order']).",
        "Give {'Consider': ['ad'], 'Buy': ['order']} or a list of stages.",
    ),
    "names in a list": (
        definition(["Consider", "Buy"]),
        "the stages hold 'Consider'. Write [Stage('Buy', ['order'])] or {'Buy': ['order']}.",
    ),
    "a stage under a name": (
        definition({"Buy": cx.Stage("Buy", ["order"])}),
        "stage 'Buy' is a Stage under a name. Give a list of stages, or names with lists of events.",
    ),
    "two stages of one name": (
        definition([cx.Stage("Buy"), cx.Stage("Buy ")]),
        "two stages are called 'Buy'. Rename one, or merge them.",
    ),
    "an event in two stages": (
        definition({"Consider": ["view"], "Evaluate": ["compare", "view"]}),
        "event 'view' stands in stages 'Consider' and 'Evaluate'. Keep it in one,",
        "tell them apart with where= or nth=, or say reuse='distinct'.",
    ),
    "too many stages": (
        definition([cx.Stage(f"S{number}") for number in range(251)]),
        "a definition has 251 stages. Use at most 250.",
    ),
    # edits
    "an unknown stage": (
        edit(lambda journey: journey["Buys"]),
        "unknown stage 'Buys'. Did you mean 'Buy'? Available: ['Consider', 'Evaluate', 'Buy'].",
    ),
    "a stage by its number": (
        edit(lambda journey: journey[0]),
        "unknown stage 0. Available: ['Consider', 'Evaluate', 'Buy'].",
    ),
    "assign to an unknown stage": (
        edit(lambda journey: journey.assign("ad", to="Bond")),
        "unknown stage 'Bond'. Available: ['Consider', 'Evaluate', 'Buy'].",
    ),
    "assign a list": (
        edit(lambda journey: journey.assign(["ad", "search"], to="Buy")),
        "assign takes event names one by one, not ['ad', 'search'].",
        "Write assign('view', 'search', to='Buy').",
    ),
    "assign nothing": (
        edit(lambda journey: journey.assign(to="Buy")),
        "assign was given no event. Write assign('view', to='Buy').",
    ),
    "unassign an event no stage has": (
        edit(lambda journey: journey.unassign("orders")),
        "unknown event of the stages 'orders'. Did you mean 'order'?",
        "Available: ['ad', 'compare', 'order', 'search'].",
    ),
    "add an event that is taken": (
        edit(lambda journey: journey.add("Bond", ["order"])),
        "event 'order' stands in stages 'Buy' and 'Bond'.",
        "Keep it in one, tell them apart with where= or nth=, or say reuse='distinct'.",
    ),
    "add beyond the end": (
        edit(lambda journey: journey.add("Bond", at=4)),
        "at=4 is no place for a stage. Use 0 for the first up to 3 for the last.",
    ),
    "move before the beginning": (
        edit(lambda journey: journey.move("Buy", to=-1)),
        "to=-1 is no place for a stage. Use 0 for the first up to 2 for the last.",
    ),
    "rename to a name that is taken": (
        edit(lambda journey: journey.rename("Buy", "Evaluate")),
        "two stages are called 'Evaluate'. Rename one, or merge them.",
    ),
    "remove the only stage": (
        lambda: cx.Definition({"Buy": ["order"]}).remove("Buy"),
        "stage 'Buy' is the only one, and a definition needs one. Rename it, or add another.",
    ),
    "merge one stage": (
        edit(lambda journey: journey.merge("Buy")),
        "merge needs two different stages or more, not ['Buy']. Available: ['Consider', 'Evaluate', 'Buy'].",
    ),
    "merge a stage with itself": (
        edit(lambda journey: journey.merge("Buy", "Buy")),
        "merge needs two different stages or more, not ['Buy', 'Buy'].",
        "Available: ['Consider', 'Evaluate', 'Buy'].",
    ),
    "merge stages with different conditions": (
        lambda: cx.Definition([cx.Stage("First", ["order"], nth=1), cx.Stage("Buy", ["pay"])]).merge(
            "First", "Buy"
        ),
        "stages 'First' and 'Buy' cannot be one, their conditions differ: occurrence 1 and none.",
        "Give both the same first.",
    ),
    "split into one part": (
        edit(lambda journey: journey.split("Consider", {"See": ["ad", "search"]})),
        "split needs two parts or more, each with its events, not {'See': ['ad', 'search']}.",
        "Write split('Consider', {'First': [...], 'Second': [...]}).",
    ),
    "split without one event": (
        edit(lambda journey: journey.split("Consider", {"See": ["ad"], "Look": []})),
        "event 'search' of stage 'Consider' is in no part. Put it into exactly one of ['See', 'Look'].",
    ),
    "split with one event twice": (
        edit(lambda journey: journey.split("Consider", {"See": ["ad"], "Look": ["search", "ad"]})),
        "event 'ad' of stage 'Consider' is in more than one part.",
        "Put it into exactly one of ['See', 'Look'].",
    ),
    "split off an event of another stage": (
        edit(lambda journey: journey.split("Consider", {"See": ["ad"], "Look": ["search", "order"]})),
        "unknown event of stage 'Consider' 'order'. Available: ['ad', 'search']. Part 'Look' asks for it.",
    ),
    "an unknown role to look for": (
        edit(lambda journey: journey.stages_with_role("purchase")),
        f"unknown role 'purchase'. {ROLES}",
    ),
    # dicts and JSON
    "a list instead of a definition": (
        from_dict([1]),
        "a definition is an object with fields ['schema', 'stages'], not [1].",
    ),
    "no schema": (
        from_dict({"stages": []}),
        "a definition has no field 'schema': {'stages': []}. Needed: ['schema', 'stages'].",
    ),
    "a schema of the future": (
        from_dict({"schema": 2, "stages": []}),
        "a definition of schema 2 cannot be read; this version reads schema 1.",
        "If a newer cx_widgets wrote it, upgrade: pip install -U cx_widgets.",
    ),
    "an unknown field": (
        from_dict({"schema": 1, "stages": [], "rule": {}}),
        "unknown field of a definition 'rule'. Did you mean 'rules'?",
        "Available: ['schema', 'stages', 'rules'].",
    ),
    "stages that are no list": (
        from_dict({"schema": 1, "stages": {"Buy": ["order"]}}),
        "the stages of a definition are a list, not {'Buy': ['order']}.",
    ),
    "rules that are no object": (
        from_dict({"schema": 1, "stages": [], "rules": "30D"}),
        "the rules of a definition are an object, not '30D'.",
    ),
    "a stage that is text": (
        from_dict({"schema": 1, "stages": ["Buy"]}),
        "a stage is an object with fields ['name'], not 'Buy'.",
    ),
    "a stage with a wrong field": (
        from_dict({"schema": 1, "stages": [{"name": "Buy", "event": ["order"]}]}),
        "unknown field of a stage 'event'. Did you mean 'events'?",
        "Available: ['name', 'events', 'where', 'nth', 'role', 'optional', 'window', 'directly',",
        "'anchored'].",
    ),
    "a condition without an operator": (
        from_dict({"schema": 1, "stages": [{"name": "Buy", "where": [{"column": "value"}]}]}),
        "a condition has no field 'op': {'column': 'value'}. Needed: ['column', 'op'].",
    ),
    "an unknown rule in a dict": (
        from_dict({"schema": 1, "stages": [{"name": "Buy"}], "rules": {"windwo": "7D"}}),
        "unknown rule 'windwo'. Did you mean 'window'?",
        "Available: ['count', 'denominator', 'entry', 'exclusions',",
        "'hold_constant', 'observation_end', 'order', 'reach', 'retention_period', 'reuse', ... 4 more].",
    ),
    "text that is not JSON": (
        from_json("journey.json"),
        "the text is not JSON: line 1, column 1: Expecting value.",
        "Give the text itself, as to_json() returns it.",
    ),
    "JSON with a comma too many": (
        from_json('{"schema": 1,\n "stages": [],}'),
        "the text is not JSON: line 2, column 15: Expecting property name enclosed in double quotes.",
        "Give the text itself, as to_json() returns it.",
    ),
    "a field twice in JSON": (
        from_json('{"schema": 1, "stages": [], "stages": []}'),
        "field 'stages' stands twice in one object of the JSON. Keep one.",
    ),
    "NaN in JSON": (
        from_json('{"schema": NaN, "stages": []}'),
        "the JSON holds NaN, which is no JSON number. Use 'is null' or 'not null' for gaps.",
    ),
    "a number without end in JSON": (
        from_json('{"schema": ' + "9" * 5000 + "}"),
        "the JSON holds a number of 5000 digits. Use at most 1000.",
    ),
    "JSON without end": (from_json("[" * 100_000), "the JSON is nested too deeply to be a definition."),
    "something that is no text": (
        from_json({"schema": 1}),
        "from_json takes the text of a definition, not {'schema': 1}. Read a file with path.read_text().",
    ),
    # presets
    "an unknown preset": (
        lambda: cx.presets.get("aidaa"),
        "unknown preset 'aidaa'. Did you mean 'aida'? Available: ['consumer_decision_journey', 'aida',",
        "'buying_cycle', 'buyer_journey', 'discovery_insight_adoption'].",
    ),
    "a preset for a frame": (
        lambda: cx.presets.aida(pd.DataFrame()),
        "a DataFrame is no event log.",
        "Make one first: log = cx.EventLog(df, customer='...', time='...', event='...').",
    ),
    "the events of a frame": (
        lambda: cx.Definition.of_events(pd.DataFrame()),
        "a DataFrame is no event log.",
        "Make one first: log = cx.EventLog(df, customer='...', time='...', event='...').",
    ),
    "a frame asked for problems": (
        lambda: cx.Definition({"Buy": ["order"]}).problems(pd.DataFrame()),
        "a DataFrame is no event log.",
        "Make one first: log = cx.EventLog(df, customer='...', time='...', event='...').",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_input_is_answered_by_a_whole_sentence(case):
    act, *sentence = CASES[case]
    with pytest.raises(cx.CXError) as raised:
        act()
    assert str(raised.value) == " ".join(sentence)


@pytest.mark.parametrize(
    "case", [case for case in CASES if CASES[case][1].startswith(("stage 'Buy':", "window="))]
)
def test_the_error_says_which_stage_or_rule_it_is_about(case):
    with pytest.raises(DefinitionError) as raised:
        CASES[case][0]()
    found = raised.value.problem
    assert found.message == str(raised.value)
    assert found.stage == "Buy" or found.field == "window"


@pytest.mark.parametrize(
    "data",
    [
        None,
        1,
        "x",
        [],
        {},
        {"schema": [1], "stages": []},
        {"schema": True, "stages": []},
        {"schema": 1, "stages": None},
        {"schema": 1, "stages": [None]},
        {"schema": 1, "stages": [{"name": None}]},
        {"schema": 1, "stages": [{"name": {}}]},
        {"schema": 1, "stages": [{"name": "A", "events": None}]},
        {"schema": 1, "stages": [{"name": "A", "events": [["x"]]}]},
        {"schema": 1, "stages": [{"name": "A", "where": None}]},
        {"schema": 1, "stages": [{"name": "A", "where": {"column": "v"}}]},
        {"schema": 1, "stages": [{"name": "A", "where": [{"column": 1, "op": "=="}]}]},
        {"schema": 1, "stages": [{"name": "A", "where": [{"column": "v", "op": ["=="]}]}]},
        {"schema": 1, "stages": [{"name": "A", "where": [{"column": "v", "op": "==", "value": {}}]}]},
        {"schema": 1, "stages": [{"name": "A", "where": [{"column": "v", "op": "in", "value": {"a": 1}}]}]},
        {"schema": 1, "stages": [{"name": "A", "nth": []}]},
        {"schema": 1, "stages": [{"name": "A", "role": ["buy"]}]},
        {"schema": 1, "stages": [{"name": "A", "optional": None}]},
        {"schema": 1, "stages": [{"name": "A"}], "rules": []},
        {"schema": 1, "stages": [{"name": "A"}], "rules": {"window": []}},
        {"schema": 1, "stages": [{"name": "A"}], "rules": {"window": "9" * 6000 + "D"}},
        {"schema": 1, "stages": [{"name": "A"}], "rules": {"order": None}},
        {"schema": 1, "stages": [{"name": "A"}], "rules": {"exclusions": {"a": 1}}},
        {"schema": 1, "stages": [{"name": "A"}], "rules": {"unit": []}},
    ],
)
def test_whatever_a_dict_holds_the_error_is_one_of_ours(data):
    with pytest.raises(DefinitionError):
        cx.Definition.from_dict(data)
