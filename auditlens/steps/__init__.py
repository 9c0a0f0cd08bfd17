"""What a call asks for comes in; the steps of a run that join several rooms: context, plan, record, run folder."""
