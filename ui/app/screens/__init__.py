"""The screens, each a callable without arguments that `shell.py` gives to `st.Page`."""
