"""YAYPM's toy IVR with callbacks, for calls that are parked: each digit comes back as a sound.

python.conf: <param name="startup-script" value="yaypm.ivr_callbacks"/>
"""

from freeswitch import API, events

SOUND = "tone_stream://%(200,50,{}00)"


def on_park(parked):
    call = {"Unique-ID": parked["Unique-ID"]}

    def on_dtmf(dtmf):
        print("Dtmf", dtmf["DTMF-Digit"], "received.")
        API().execute("uuid_broadcast", f"{call['Unique-ID']} {SOUND.format(ord(dtmf['DTMF-Digit']) - 40)} aleg")

    def on_hangup(_):
        digits.cancel()
        end.cancel()

    digits = events.on("DTMF", guard=call, callback=on_dtmf)
    end = events.on("CHANNEL_HANGUP", guard=call, callback=on_hangup)
    API().execute("uuid_answer", call["Unique-ID"])
    print("Call", call["Unique-ID"], "answered.")


def runtime(args):
    events.on("CHANNEL_PARK", guard={"Caller-Destination-Number": args or "ivr"}, callback=on_park)
