"""What of a recording does not count at its own stamp, or not at all: other clocks, resets."""

from ilw_data.doctor.finding import Finding, Take


def check_take(take: Take) -> list[Finding]:
    """Return what was remarked while one episode was read."""
    return [Finding(remark.level, 'clock', take.name, remark.text, take.command('show'),
                    {'messages': remark.messages, 'seconds': remark.seconds})
            for remark in take.episode.remarks]
