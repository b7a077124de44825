"""Looks values up: TIPLINE_URL=... TIPLINE_TOKEN=... python3 lookup.py VALUE..."""

import json
import os
import sys
import urllib.request

request = urllib.request.Request(
    os.environ["TIPLINE_URL"] + "/v1/lookup",
    data=json.dumps({"values": sys.argv[1:]}).encode(),
    headers={
        "Authorization": "Bearer " + os.environ["TIPLINE_TOKEN"],
        "Content-Type": "application/json",
    },
)
with urllib.request.urlopen(request, timeout=10) as answer:
    for each in json.load(answer)["values"]:
        events = {event["info"] for found in each["indicators"] for event in found["events"]}
        print(json.dumps([each["value"], each["state"], *sorted(events)]))
