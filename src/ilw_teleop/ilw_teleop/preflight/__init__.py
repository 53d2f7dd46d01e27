"""Is the robot there that the contract means?"""
