"""Every knob of the yard, its default and what it means.

The only module that reads the environment. Each field is the variable ``RUNYARD_<NAME>``; the reference page in
``docs/`` is generated from the descriptions below.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from runyard.sizes import GIB, MIB

Port = Annotated[int, Field(ge=0, le=65535)]
Positive = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]


def default_data_dir() -> Path:
    """``/var/lib/runyard`` for root (the embedded database can't live in a private home), else the XDG data folder."""
    if os.geteuid() == 0:
        return Path("/var/lib/runyard")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "runyard"


def secret_variable(name: str) -> SecretStr | None:
    """A secret that a table of the operator's names by its environment variable; None when that isn't set."""
    value = os.environ.get(name)
    return SecretStr(value) if value else None


class Settings(BaseSettings):
    """Settings of one yard. Environment variables override defaults; command-line flags override both."""

    model_config = SettingsConfigDict(env_prefix="RUNYARD_", extra="ignore", frozen=True, populate_by_name=True)

    data_dir: Path = Field(default_factory=default_data_dir, description="Folder of everything the yard keeps.")
    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("RUNYARD_DATABASE_URL", "DATABASE_URL"),
        description="Postgres to use instead of the embedded one (also read from `DATABASE_URL`).",
    )
    database_schema: str = Field(
        default="runyard",
        pattern=r"^[a-z_][a-z0-9_]*$",
        description="Postgres schema that holds the yard's tables.",
    )
    database_pool: Positive = Field(default=10, description="Connections one process may hold to Postgres.")
    database_timeout: Seconds = Field(
        default=30.0, description="Seconds a statement is retried for while the database is away."
    )
    artifacts_url: str | None = Field(
        default=None,
        description="Object store of artifacts (`file:///...`, `s3://bucket/prefix`); by default in the data dir.",
    )

    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. Guests are refused on anything but loopback unless asked for.",
    )
    port: Port = Field(
        default=8000,
        description="HTTP port of `ci`, of accounts and of the yard's own endpoints; 0 picks a free one.",
    )
    compute_port: Port = Field(default=8002, description="HTTP port of `compute`; 0 picks a free one.")
    inferlets_port: Port = Field(default=8080, description="WebSocket port of `inferlets`; 0 picks a free one.")
    mqtt_port: Port = Field(default=1883, description="Port of the embedded MQTT broker; 0 picks a free one.")
    mqtt_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("RUNYARD_MQTT_URL", "MQTT_URL"),
        description="Broker to use instead of the embedded one (`mqtt://user:password@host:1883`, `mqtts://...`; also "
        "read from `MQTT_URL`), or `off` for none.",
    )
    mqtt_shared_events: Literal["auto", "all", "guests", "off"] = Field(
        default="auto",
        description="Whose jobs are told on the topic every MQTT client may read. `auto`: all while the yard listens "
        "on loopback only, else guests'.",
    )
    guests: Literal["loopback", "everywhere", "never"] = Field(
        default="loopback",
        description="Where callers without a credential may use `compute`; `inferlets` knows guests of this machine "
        "only.",
    )
    token_minutes: Positive = Field(default=30, description="Minutes for which a token of the auth service is good.")
    admin_password: SecretStr | None = Field(
        default=None,
        description="Password of the user `admin`, made on the first start; without it one is made up and printed.",
    )
    login_attempts: Positive = Field(
        default=10, description="Failed sign-ins of one user or address in five minutes, after which both have to wait."
    )
    worker_slots: Annotated[int, Field(ge=2)] = Field(
        default_factory=lambda: max(2, os.cpu_count() or 2),
        description="Heavy jobs (test runs) one worker process runs at once.",
    )
    worker_light_slots: Annotated[int, Field(ge=2)] = Field(
        default=200, description="Light jobs one worker process runs at once."
    )
    drain_seconds: Seconds = Field(
        default=10.0, description="Seconds a stopping process gives to running jobs and open requests."
    )
    max_attempts: Positive = Field(
        default=3, description="Times a job may start when its worker is lost or fails unexpectedly."
    )
    heartbeat_seconds: Seconds = Field(
        default=6.0, description="A worker silent for this long has lost its jobs to the others."
    )
    stream_heartbeat: Seconds = Field(default=15.0, description="Seconds between comment lines on a quiet stream.")
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto", description="Console on a terminal, JSON lines elsewhere."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe record that is written."
    )

    event_retention_days: Positive = Field(
        default=90, description="Days after which ended jobs, their events and artifacts are removed."
    )
    compact_after: Seconds = Field(
        default=300.0, description="Seconds after its end when a job's log moves from the database to an artifact."
    )
    job_log_limit: Positive = Field(
        default=256 * MIB,
        description="Bytes of output kept per job. What follows is counted and dropped, and the log says so.",
    )
    upload_limit: Positive = Field(default=2 * GIB, description="Bytes of one uploaded file.")
    idempotency_hours: Positive = Field(default=24, description="Hours an Idempotency-Key is remembered.")
    key_warn_days: Positive = Field(
        default=90, description="Age in days from which an API key's answers carry a warning."
    )

    sandbox: Literal["auto", "bubblewrap", "unshare", "none"] = Field(
        default="auto",
        description="How other people's code is confined. `none` runs it with the yard's rights: for your own code.",
    )
    sandbox_network: bool = Field(default=False, description="Whether a test run may ask for network access.")

    ci_timeout: Seconds = Field(default=3600.0, description="Longest a test run may take; users may ask for less.")
    ci_silence: Seconds = Field(default=900.0, description="Longest a test run may print nothing.")
    ci_install_timeout: Seconds = Field(default=1200.0, description="Longest the making of an environment may take.")
    ci_memory: Positive = Field(default=4 * GIB, description="Bytes of memory of one test run, all processes together.")
    ci_processes: Positive = Field(default=512, description="Processes and threads of one test run.")
    ci_disk: Positive = Field(default=4 * GIB, description="Bytes a test run may have in its workspace.")
    ci_file_size: Positive = Field(default=1 * GIB, description="Bytes of one file a test run writes.")
    ci_archive_entries: Positive = Field(default=50_000, description="Files in one package.")
    ci_archive_size: Positive = Field(default=2 * GIB, description="Bytes of one package after unpacking.")
    ci_archive_ratio: Positive = Field(
        default=200, description="Unpacked bytes per packed byte above which a package counts as a bomb."
    )
    ci_environment_cache: Positive = Field(
        default=10 * GIB, description="Bytes of cached environments kept; the least recently used go first."
    )
    ci_artifact_limit: Positive = Field(default=256 * MIB, description="Bytes of artifacts kept from one test run.")

    compute_slots: Positive = Field(
        default_factory=lambda: os.cpu_count() or 1,
        description="Processes of one worker that decode and convert media.",
    )
    compute_timeout: Seconds = Field(default=600.0, description="Longest a media job may take.")
    compute_memory: Positive = Field(default=3 * GIB, description="Bytes of memory of one such process.")
    compute_pixels: Positive = Field(default=89_478_485, description="Pixels of one image or video frame.")
    compute_frames: Positive = Field(default=2_000, description="Frames of one animation.")
    compute_duration: Seconds = Field(default=4 * 3600.0, description="Seconds of one video or sound.")
    compute_output: Positive = Field(default=8 * GIB, description="Bytes of all results of one media job.")
    model_dir: Path | None = Field(
        default=None, description="Folder of models that plugins load; `models` in the data folder by default."
    )

    inferlet_authorized_users: Path | None = Field(
        default=None,
        description="File of users and their SSH keys, read when the yard opens; `authorized_users.toml` in the data "
        "folder by default.",
    )
    inferlet_processes: Positive = Field(
        default_factory=lambda: max(2, os.cpu_count() or 2), description="Processes of one worker that run inferlets."
    )
    inferlet_slots: Annotated[int, Field(ge=2)] = Field(default=400, description="Inferlets one worker runs at once.")
    inferlet_process_memory: Positive = Field(
        default=4 * GIB, description="Bytes of memory of one such process with all inferlets in it."
    )
    inferlet_fuel: Positive | None = Field(
        default=None, description="Most instructions an inferlet may execute; by default they are only counted."
    )
    inferlet_memory: Positive = Field(default=512 * MIB, description="Bytes of memory of one inferlet.")
    inferlet_wall_seconds: Seconds | None = Field(
        default=None, description="Longest an inferlet may run; no limit by default."
    )
    inferlet_idle_seconds: Seconds | None = Field(
        default=None, description="Longest an inferlet may neither say nor hear anything; no limit by default."
    )
    inferlet_output: Positive = Field(default=256 * MIB, description="Bytes one inferlet may say.")
    inferlet_program: Positive = Field(default=256 * MIB, description="Bytes of one uploaded program.")
    inferlet_compile_seconds: Seconds = Field(default=120.0, description="Longest the compiling of a program may take.")
    inferlet_cache: Positive = Field(
        default=4 * GIB, description="Bytes of compiled programs kept; the least used go first."
    )

    session_hosts: str = Field(
        default="",
        description="Hosts of the internal network that repositories may come from, by name or address and, to be "
        "exact, port: `git.corp.example, 10.0.0.7:3000`. All others of it are refused, whatever name leads there.",
    )
    session_clone_timeout: Seconds = Field(default=300.0, description="Longest the cloning of a repository may take.")
    session_clone_depth: Positive = Field(default=200, description="Commits of a repository's history that are cloned.")
    session_repository_size: Positive = Field(
        default=1 * GIB, description="Bytes of one repository as it is sent, and of all its files."
    )
    session_repository_files: Positive = Field(default=100_000, description="Files of one repository.")
    session_memory: Positive = Field(default=4 * GIB, description="Bytes of memory of one command of an agent.")
    session_processes: Positive = Field(default=512, description="Processes and threads of one command of an agent.")
    session_disk: Positive = Field(
        default=6 * GIB, description="Bytes a session may have in its workspace, repositories included."
    )
    session_command_timeout: Seconds = Field(default=900.0, description="Longest one command of an agent may take.")
    session_patch_size: Positive = Field(default=64 * MIB, description="Bytes of the patch of one repository.")
    session_artifact_limit: Positive = Field(
        default=256 * MIB, description="Bytes of all files that one session makes for its user."
    )

    session_models: str | None = Field(
        default=None,
        description="Table of models and who works for them: a JSON object, or the path of a TOML or JSON file. "
        "Without one there is the embedded agent only.",
    )
    session_model: str | None = Field(
        default=None,
        description="Model of sessions that name none; by default the table's first one, or the embedded agent.",
    )
    session_slots: Annotated[int, Field(ge=2)] = Field(
        default=16,
        description="Sessions one worker works on at once; those that wait for people take no slot.",
    )
    session_idle: Seconds = Field(
        default=7 * 86_400.0, description="Seconds a session waits for a message or a decision of its user."
    )
    session_timeout: Seconds = Field(
        default=1800.0, description="Longest a session may be at work; users may ask for less."
    )
    session_turns: Positive = Field(default=100, description="Requests to a model that one session may make.")
    session_tokens: Positive = Field(
        default=2_000_000, description="Tokens of all requests and answers of one session together."
    )
    session_rate: Annotated[float, Field(gt=0)] = Field(
        default=1000.0, description="Requests about sessions a second that one token may make."
    )
    session_burst: Positive = Field(default=2000, description="Requests about sessions one token may make at once.")

    runs_rate: Annotated[float, Field(gt=0)] = Field(
        default=1000.0, description="Requests about runs a second that one user of a workspace may make."
    )
    runs_burst: Positive = Field(default=2000, description="Requests about runs one user may make at once.")
    runs_oidc_issuer: str | None = Field(
        default=None,
        description="OpenID issuer whose users may sign in to workspaces, and whose tokens are accepted "
        "(`https://login.example.com/realms/acme`).",
    )
    runs_oidc_client_id: str | None = Field(default=None, description="What the yard is called there.")
    runs_oidc_client_secret: SecretStr | None = Field(
        default=None, description="Its secret there; without one it is a public client with PKCE."
    )
    runs_jwks_uri: str | None = Field(
        default=None, description="Where that issuer's keys are; by default as its discovery document says."
    )
    runs_audience: str | None = Field(
        default=None, description="What that issuer's access tokens must be for; without it none is accepted."
    )
    runs_public_url: str | None = Field(
        default=None,
        description="Where browsers reach the yard, when something stands before it (`https://yard.example.com`).",
    )

    runs_http_hosts: str = Field(
        default="",
        description="Hosts of the internal network that HTTP calls of workflows may talk to, e.g. "
        "`erp.corp.example, 10.0.0.7:8080`; all others there are refused.",
    )

    text_url: str | None = Field(
        default=None,
        description="OpenAI-compatible endpoint (`http://127.0.0.1:8090/v1`) that writes text for programs and agents; "
        "by default the model of `runyard[local-llm]`, if it is installed.",
    )
    text_model: str | None = Field(default=None, description="Name of the model to ask there.")
    text_key: SecretStr | None = Field(default=None, description="Key to ask with, if one is needed.")
    text_seconds: Seconds = Field(default=120.0, description="Longest one answer may take, waiting included.")
    text_threads: Positive = Field(
        default_factory=lambda: max(1, (os.cpu_count() or 1) // 2),
        description="Threads the packaged model computes with. They wait for each other: with more than there are "
        "idle cores it becomes many times slower.",
    )
    text_slots: Positive = Field(default=4, description="Answers the packaged model writes at once.")
    text_queue: Positive = Field(
        default=64, description="Requests to the packaged model at a time, those that wait included."
    )
    text_context: Positive = Field(
        default=4096, description="Tokens of a prompt and its answer together, for the packaged model."
    )
    text_memory: Positive = Field(default=2 * GIB, description="Bytes of memory of the packaged model's process.")
    text_idle_seconds: Seconds = Field(
        default=300.0, description="Seconds without a request after which that process ends; the next starts another."
    )

    @field_validator("runs_oidc_issuer", "runs_jwks_uri", "runs_public_url")
    @classmethod
    def _secure(cls, value: str | None) -> str | None:
        if value is not None:
            url = urlsplit(value)
            if not url.hostname or not (
                url.scheme == "https" or (url.scheme == "http" and url.hostname in {"localhost", "127.0.0.1", "::1"})
            ):
                raise ValueError("it has to begin with https://, or with http:// and this machine's own name")
        return value

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def models(self) -> Path:
        """Folder of models, ``<name>/model.onnx`` each."""
        return self.model_dir or self.data_dir / "models"

    @property
    def authorized_users(self) -> Path:
        """File of users and their SSH keys, which need not exist."""
        return (self.inferlet_authorized_users or self.data_dir / "authorized_users.toml").expanduser()

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the yard."""
        return self.host in {"127.0.0.1", "::1", "localhost"}
