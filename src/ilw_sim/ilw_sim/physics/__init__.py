"""Robot and room in PyBullet, and how a base answers."""
