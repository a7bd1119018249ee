"""What freeswitch-pocket brings for other programs; scripts and tests import `freeswitch` and `pocket`."""
