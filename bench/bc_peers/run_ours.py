"""ILW's own training of the same thing: run_ours.py DATA.npz UPDATES; prints as the peers do."""

raise NotImplementedError('Placeholder: call ilw_learner.trainer here, before this is merged.')
