"""Keyrings for tests: one that keeps keys in this process, one that always fails."""

from keyring.backend import KeyringBackend

KEPT: dict[tuple[str, str], str] = {}
ASKED: list[str] = []


class Memory(KeyringBackend):
    """A keyring that forgets everything with its process."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        ASKED.append(username)
        return KEPT.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        KEPT[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del KEPT[service, username]


class Locked(KeyringBackend):
    """A keyring whose owner does not unlock it, in words that hold a key."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError(f"locked: {service} {username} hush-0123")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise RuntimeError(f"locked: {service} {username} {password}")

    def delete_password(self, service: str, username: str) -> None:
        raise RuntimeError(f"locked: {service} {username}")


class Interrupted(Memory):
    """A keyring at which the user loses patience when it is asked what it kept."""

    def get_password(self, service: str, username: str) -> str | None:
        if not ASKED:
            ASKED.append(username)
            raise KeyboardInterrupt
        return super().get_password(service, username)
