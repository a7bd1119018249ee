"""YAYPM's toy IVR with callbacks, for calls that are parked: each digit comes back as a sound.

python.conf: <param name="startup-script" value="yaypm.ivr_callbacks"/>
"""

from freeswitch import API, Event, events

SOUND = "tone_stream://%(200,50,{}00)"


def on_park(parked: Event) -> None:
    call = {"Unique-ID": str(parked["Unique-ID"])}

    def on_dtmf(dtmf: Event) -> None:
        digit = str(dtmf["DTMF-Digit"])
        print("Dtmf", digit, "received.")
        API().execute("uuid_broadcast", f"{call['Unique-ID']} {SOUND.format(ord(digit) - 40)} aleg")

    def on_hangup(_: Event) -> None:
        digits.cancel()
        end.cancel()

    digits = events.on("DTMF", guard=call, callback=on_dtmf)
    end = events.on("CHANNEL_HANGUP", guard=call, callback=on_hangup)
    API().execute("uuid_answer", call["Unique-ID"])
    print("Call", call["Unique-ID"], "answered.")


def runtime(args: str) -> None:
    events.on("CHANNEL_PARK", guard={"Caller-Destination-Number": args or "ivr"}, callback=on_park)
