"""What mod_python3 has, against what is here."""
