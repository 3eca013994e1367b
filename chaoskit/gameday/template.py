"""The game day that `chaoskit gameday new` writes: valid, with every key explained."""

from __future__ import annotations

_TEMPLATE = """\
# A game day. Fill it in, then: chaoskit gameday check FILE, chaoskit gameday run FILE
gameday: first-game-day               # its name: letters, digits, '.', '_', '-'
title: One node is lost on a working day
purpose: Do we notice before our customers do, and do we know what to do?
# system: shop                        # a name or a path; otherwise the nearest system.yaml upwards

date: {date}
window: {{from: "10:00", to: "12:00"}}  # nothing else is planned with the system then
timezone: Europe/Berlin

people:                               # a name, or several: [Ada, Grace]
  owner: Ada                          # answers for the system; may say go
  facilitator: Grace                  # leads the day, begins and ends steps; may say go
  operator: [Linus]                   # works on the system
  observers: []
  scribe: []                          # writes down what is seen

go_no_go:                             # everything must be yes before anything begins
  - ask: Does support know?           # a person answers
  - ask: Is nothing else planned for this hour?
  - check: full_strength              # the tool checks
  - check: not_halted
  - check: nothing_outstanding        # no earlier run left something in force
  - check: experiments_valid
  - check: in_window                  # it is the day and the hour

agenda:                               # steps, in their order
  - title: A node is killed
    inject: {{kill: {{node: {node}}}}}      # one fault, held until somebody releases it
    most: 10m                         # at the latest then it is put back
    expect: The others take over; an alert comes within a minute
  # - title: An experiment, judged as always
  #   experiment: web-loss.yaml       # a file beside this one
  #   expect: Its claim holds
  - title: The node is restarted
    recover: {{restart: {node}}}         # or {{command: [./switch_off.sh], timeout: 60s}}
    expect: Full strength within a minute
  - title: Pause
    break: 10m
  - title: What did we learn?
    discuss: Everybody says what surprised them

halting:                              # criteria that people read; anybody may halt
  - A customer calls
# halt_when:                          # criteria that the tool asks every second
#   - {{file: incident, why: an incident is open}}
# blind: true                         # steps are hidden until they ended, except from Grace
# alerts: "http://127.0.0.1:9093/api/v2/alerts"   # the system's own alerts, to time them
# carry: ../last/gameday.yaml         # its open action items; otherwise those of all days here
"""


def template(date: str, node: str) -> str:
    """The text of a new game day on `date` (such as 2026-12-01) that kills `node`."""
    return _TEMPLATE.format(date=date, node=node)
