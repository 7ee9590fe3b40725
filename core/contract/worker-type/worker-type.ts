/**
 * The WorkerType contract: how a plugin describes an engine to rbee.
 *
 * A worker type is data and pure functions: it describes, and the hive acts. No function here may use a file, a
 * process, a socket, the clock or a random source. The hive evaluates them in a child process without access to any of
 * these and with a deadline, and the two exchange only plain (JSON) data. The same arguments must always give the same
 * answer.
 *
 * Required: `name`, `apiVersion`, `serves`, `variants`, `command`, `health`. All other members are optional; omit one
 * if the engine lacks that ability.
 */
export interface WorkerType {
  /**
   * Lower-case letters, digits and dashes: what users write after `--type`. Must equal the type's key in the manifest.
   */
  name: string;
  /** The contract version that this type is written for. A hive refuses a plugin written for another version. */
  apiVersion: 1;
  /** What the engine is, in one line, for lists. */
  summary?: string;
  /**
   * Every HTTP path that a worker of this type can answer, whichever program runs and whatever its options. The queen
   * forwards only the methods, paths and content types that a worker serves, and picks the worker by the request's
   * `model`.
   */
  serves: readonly ServedPath[];
  /**
   * Paths of `serves` that a given worker cannot serve because its build, model or options do not support them, in
   * addition to those whose `needs` are not met. Called before every spawn.
   */
  unserved?(launch: PreparedLaunch): readonly UnservedPath[];
  /**
   * What a worker's model can do, for lists and for clients that choose a worker by ability. Called before every spawn.
   */
  abilities?(launch: PreparedLaunch): Abilities;
  /** How many requests a worker processes concurrently, at least 1. Called before every spawn. */
  slots?(options: Readonly<Record<string, unknown>>): number;
  /**
   * A program that predicts the memory a worker will use, then exits without loading the model. Return `undefined` when
   * the engine cannot predict it. Called before every spawn; the hive stores the result with the worker. Requires
   * `readForecast`.
   */
  forecast?(launch: PreparedLaunch): ForecastQuestion | undefined;
  /** Parses the output of `forecast`, also after a non-zero exit. Return `undefined` if it contains no forecast. */
  readForecast?(output: ProgramOutput): MemoryForecast | undefined;
  /** The models that the type loads. Absent: the type needs no model. */
  models?: ModelSupport;
  /** JSON Schema (type `object`) of the type's options. Each property has a `default` and a one-line `description`. */
  options?: OptionsSchema;
  /**
   * Environment variables that users may set for the engine with `--env NAME=VALUE`; a value may be `secret:NAME`. The
   * engine receives no variables except these and those of `command` and of the device. `RBEE_…` names are refused.
   */
  environment?: readonly string[];
  /** The builds of this type, at least one. The hive uses the first variant that fits the device. */
  variants: readonly Variant[];
  /**
   * The command line of a worker. Evaluated before every start, including a restart after a crash (the port may
   * differ).
   *
   * As data, it is a list of arguments or a `Command`, with placeholders: `{port}`, `{host}`, `{model}`,
   * `{model.COMPONENT}`, `{name}` (the first of its names), `{names}` (all names, separated by commas),
   * `{option.NAME}`, `{device}` (`cuda:0,1`), `{indices}` (`0,1`), `{variant}`, `{id}`, `{program}`, and `{apiKey}` in
   * `env` only. A value never splits into several arguments, whatever characters it has. The arguments of `deviceFlags`
   * are appended. An `env` variable that consists of `{option.NAME}` alone is omitted when the option has no value, as
   * an optional secret may.
   *
   * A function must be pure. It may not check that files exist; the hive already has.
   */
  command: readonly string[] | Command | ((launch: Launch) => Command);
  /** How the hive detects that a worker is loading, ready or broken. */
  health: HealthContract;
  /**
   * Programs to run before a spawn to learn about the host or the engine's program. Their parsed output is available to
   * `fits`, `checkOptions` and `command`.
   */
  probes?: readonly Probe[];
  /**
   * Kinds of device that rbee does not support natively, each with the program that lists its devices. The manifest
   * lists the kinds; only one package on a machine may provide a kind. The hive runs these whenever it measures its
   * machine, even when no worker is running.
   */
  devices?: readonly DeviceProbe[];
  /** A server supplied by the plugin, in front of an engine that does not speak the public API. */
  adapter?: Adapter;
  /**
   * True when the engine cannot check an API key: any local user who finds its port can use it. Say so in the plugin's
   * README too. An adapter that checks the key is safer, provided that only the adapter listens on a port.
   */
  keyless?: boolean;
  /** How to stop a worker. Absent: SIGTERM, then SIGKILL after two seconds. */
  stop?: StopContract;
  /** Memory that a worker will need, for placement and the check before a spawn. Called before every spawn. */
  estimate?(model: ModelFacts, launch: LaunchRequest): MemoryEstimate;
  /**
   * Options that the resolved program does not support, for example because this build lacks a flag. Called before a
   * spawn, once program and device are chosen. If it returns any problems, all are shown and the spawn is refused.
   */
  checkOptions?(launch: LaunchRequest): readonly OptionProblem[];
  /** Which of a worker's metrics show its load. */
  load?: LoadContract;
  /**
   * Names that a worker answers to in addition to its model's own, such as adapters named in its options. `command`
   * receives them after the first of `launch.names`; requests keep them unchanged. Called before every spawn.
   */
  aliases?(options: Readonly<Record<string, unknown>>): readonly string[];
  /**
   * Selects the files of a model repository to download: a repository often holds the same weights several times, in
   * other precisions or for other programs. Called once per download, with the worker's options if there is a worker,
   * else with the defaults. Absent: one quantization of a GGUF repository, plus all files that are not alternative
   * weights.
   */
  selectFiles?(files: readonly RepositoryFile[], options: Readonly<Record<string, unknown>>): readonly string[];
  /**
   * Explains the last log lines of a failed worker, as a table. When a worker exits without having been asked to stop,
   * or rbee gives up on it, the first rule that matches gives the reason. List specific rules first: engines often
   * print a generic line after the telling one.
   */
  failures?: readonly FailureRule[];
  /**
   * Explains failures that no rule can describe. Called only if no rule of `failures` matches. Return `undefined` if
   * nothing is recognised; the hive then checks for known operating system messages.
   */
  diagnose?(failure: Failure): Diagnosis | undefined;
}

/** The purpose of a path. Generic tools (`rbee infer`, the model list) choose by it. */
export type ServedKind =
  | 'chat'
  | 'completion'
  | 'embedding'
  | 'rerank'
  | 'transcription'
  | 'translation'
  | 'speech'
  | 'image'
  | 'other';

/** HTTP methods that are forwarded to workers. */
export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface ServedPath {
  /**
   * Absolute HTTP path, without a query: `/v1/chat/completions`. `{name}` matches one segment (`/v1/batches/{batch}`);
   * a trailing `/*` matches every path below. List each path once.
   */
  path: string;
  /** HTTP methods. Absent: POST. `any` means GET and POST. */
  method?: HttpMethod | 'any' | readonly HttpMethod[];
  /**
   * The path's purpose. A request to a path of kind `other` need not name a model if exactly one model serves the path.
   * Answers are passed on unchanged, except for errors of all other kinds: they are rewritten in the format of OpenAI's errors,
   * also within streams.
   */
  kind: ServedKind;
  /**
   * Content types accepted in request bodies, without parameters: `audio/wav`, `audio/*`, or `*` for all. Absent: JSON,
   * and for transcriptions, translations, images and `other` also `multipart/form-data`. The model name is read from
   * JSON and form bodies; requests of other types give it in the query.
   */
  accepts?: readonly string[];
  /**
   * Ids created by this path. Maps the `{name}` used by paths that take such an id to the field of the JSON answer that
   * holds it, with dots for nested fields (`{ batch: 'id' }`, `{ file: 'data.id' }`). Later requests whose path
   * contains the id go to the worker that created it and need not name a model. Ids must be unique across workers: use
   * random ones.
   */
  affinity?: Readonly<Record<string, string>>;
  /** What a worker needs in order to serve this path. Absent: every worker of the type serves it. */
  needs?: PathNeeds;
}

export interface PathNeeds {
  /** Ids of the binary sources that support the path. The worker must run one of them. */
  engine?: string | readonly string[];
  /** Name of an option that must be `true`. */
  option?: string;
}

export interface UnservedPath {
  /** A path of `serves`. */
  path: string;
  /** How to enable it, in one sentence: "Start it with rerank=true." */
  hint: string;
}

/** What a model can do with its worker's settings. Unknown abilities are absent; a type may add names of its own. */
export interface Abilities {
  /** Accepts images. */
  vision?: boolean;
  /** Accepts audio. */
  audio?: boolean;
  /** Can call tools. */
  tools?: boolean;
  /** Context size in tokens, prompt and answer combined. */
  contextLength?: number;
  /** Length of an embedding vector. */
  dimensions?: number;
  [name: string]: boolean | number | undefined;
}

export interface ModelSupport {
  /** Formats that the type loads. The hive compares them with the format of the requested model. */
  formats: readonly ModelFormat[];
  /** Named files that accompany the main one (mmproj, vae, lora, draft). Absent: only the main file. */
  components?: Readonly<Record<string, { required: boolean; formats?: readonly ModelFormat[]; description: string }>>;
  /** A tiny model inside the plugin's package, as a relative path. `--model demo` selects it. */
  demo?: string;
  /** The type can also run without a model (it has its own default, or each request chooses one). */
  optional?: boolean;
}

/**
 * A file or folder layout. The hive recognises those listed here without the engine. Other names are allowed but not
 * checked.
 */
export type ModelFormat = 'gguf' | 'safetensors' | 'safetensors-dir' | 'onnx' | 'onnx-dir' | 'ggml' | (string & {});

/** The subset of JSON Schema available for options. */
export interface OptionsSchema {
  type: 'object';
  properties: Readonly<Record<string, OptionSchema>>;
  /** `required` is not accepted: an option without a value takes its default. */
  additionalProperties?: false;
}

export interface OptionSchema {
  type: 'string' | 'integer' | 'number' | 'boolean' | 'array';
  /** One line, shown in help and in the plugin's README. */
  description: string;
  default?: string | number | boolean | readonly string[];
  /**
   * The option is a secret, such as a token. It must be of type `string`, without `default`, `enum` or `pattern`. Users
   * store the value with `rbee secret set NAME` and pass `secret:NAME`; a literal value is refused. The type sees only
   * that reference, in `launch.options`, and hands it to the engine through `env` or `launch.secretFiles`, never
   * through the arguments, which every local user can read.
   */
  secret?: boolean;
  enum?: readonly (string | number)[];
  minimum?: number;
  maximum?: number;
  pattern?: string;
  items?: { type: 'string' | 'integer' | 'number' };
}

/** Operating system and processor, as Node names them. */
export interface Platform {
  os: 'linux' | 'darwin' | 'win32' | (string & {});
  cpu: 'x64' | 'arm64' | (string & {});
  libc?: 'glibc' | 'musl';
}

/** Operating system and processor, plus the C library where it matters: `linux-x64`, `linux-x64-glibc`. */
export type PlatformName = `${string}-${string}`;

export interface Variant {
  /** `cpu`, `cuda`, `rocm`, `vulkan`, `metal`, or a new name. */
  id: string;
  /**
   * Kinds of device that this build uses (`cuda` for `cuda:0`). Absent: the kind in `binds`, else the kind with the
   * variant's own name.
   */
  devices?: readonly string[];
  /**
   * Restricts the engine to its devices with the standard environment for this kind: `CUDA_VISIBLE_DEVICES` with
   * `CUDA_DEVICE_ORDER`, `HIP_VISIBLE_DEVICES` or `GGML_VK_VISIBLE_DEVICES`. `cpu` hides all GPUs; `metal` needs no
   * variable. A GPU variant must have `binds`, `deviceFlags`, or both.
   */
  binds?: 'cpu' | 'cuda' | 'rocm' | 'vulkan' | 'metal';
  /** Supported platforms. Absent: all. */
  platforms?: readonly PlatformName[];
  /**
   * Whether the variant runs on this host. Called before a spawn and for `inspect`; every reason is shown. Also called
   * before a program is installed, to avoid a useless installation; results of `$binary` probes are not available then.
   * `usual` is the default answer: the variant fits a host of a supported platform with a fault-free device of one of
   * its kinds.
   */
  fits?(host: HostFacts, usual: Fit): Fit;
  /**
   * Arguments and environment that restrict the engine to this device. The variables are added to those of `binds` and
   * override them.
   */
  deviceFlags?: Partial<DeviceFlags> | ((device: Device) => Partial<DeviceFlags>);
  /**
   * Where the engine's program can come from, in order of preference; a list if it never varies. The hive takes the
   * first source that is present, else the first that can be installed. The answer may depend on options. Called again
   * after the model is downloaded if its format was unknown before; the last answer is used.
   */
  resolveBinary: readonly BinarySource[] | ((request: BinaryRequest) => readonly BinarySource[]);
  /**
   * npm packages that this build needs or must leave out (a CPU host must not download CUDA libraries). `on` adds
   * packages on one platform, keyed `os-cpu` as in `linux-x64`.
   */
  packages?: VariantPackages & { on?: Readonly<Record<string, VariantPackages>> };
}

export interface VariantPackages {
  /**
   * Kept even if another rule leaves them out. With a version (`name@1.2.3`) they are installed even if nothing depends
   * on them.
   */
  include?: readonly string[];
  /** Replaced by an empty package at any depth of the dependency tree. */
  leaveOut?: readonly string[];
  /**
   * Files and folders to remove from packages after installation, keyed by package name: some packages carry the
   * binaries of every platform. Paths are relative, with `/`.
   */
  leaveOutFiles?: Readonly<Record<string, readonly string[]>>;
}

/** Arguments and environment that restrict an engine to a device. */
export interface DeviceFlags {
  args: readonly string[];
  env: Readonly<Record<string, string>>;
}

export type Fit = { fits: true } | { fits: false; reasons: readonly string[] };

/** What the hive knows about its machine. Sizes are in bytes. */
export interface HostFacts {
  platform: Platform;
  /** Version of the C library, such as `2.36`. Absent if unknown. */
  libcVersion?: string;
  cpu: { model: string; cores: number };
  memory: { total: number; available: number };
  devices: readonly DeviceFacts[];
  /** Highest CUDA version that the NVIDIA driver supports, such as `13.0`. */
  cudaDriver?: string;
  /** Parsed results of the type's probes, by probe id. A probe that could not run is absent. */
  probes: Readonly<Record<string, unknown>>;
}

/** One device of a machine. Sizes are in bytes; `memory` is absent if the system does not report it. */
export interface DeviceFacts {
  /** `cpu`, `cuda:0`, `rocm:1`. */
  id: string;
  kind: string;
  name: string;
  memory?: { total: number; free: number };
  /** The vendor's unique id (GPU-…), for display only. */
  uuid?: string;
  busId?: string;
  /** Utilization, 0 to 1. */
  utilization?: number;
  driver?: string;
  computeCapability?: string;
  /** Why the device is unusable. Absent: it is usable. */
  fault?: string;
}

export interface BinaryRequest {
  platform: Platform;
  /** The plugin's version. */
  version: string;
  /** The worker's options, with defaults filled in. */
  options: Readonly<Record<string, unknown>>;
  /**
   * The model to load, for types whose programs load different formats. Absent for workers without a model, and while
   * its format is unknown: then return every program that might be needed.
   */
  model?: { format: ModelFormat };
}

/**
 * Where a program comes from. `id` identifies the engine to the type's code and to users (`llama-server`, `builtin`). A
 * missing program is installed before a spawn, once for all workers that need the same one.
 */
export type BinarySource = ProgramSource & {
  /**
   * Further setup, run once after the program is found or installed, such as creating a Python environment for the
   * variant's device. It is part of the answer of `resolveBinary`, so it may depend on the variant and the options.
   */
  prepare?: readonly PrepareStep[];
};

/** The kinds of program source. */
export type ProgramSource =
  /**
   * A script of the plugin, relative to its root, run with the hive's own Node. Counts as present only if every npm
   * package in `requires` can be resolved from the plugin (for platform packages that only some variants need).
   */
  | { kind: 'module'; id: string; script: string; requires?: readonly string[] }
  /** A program already on the machine: named by an environment variable of the hive, or found on its PATH. */
  | { kind: 'path'; id: string; program: string; variable?: string }
  /**
   * A release archive. `member` is the program's path in the unpacked folder, after `strip`. `overlays` are archives,
   * such as separately released libraries, unpacked in order into the same folder; later ones overwrite earlier ones.
   * `{version}` in `url` and `member` is replaced by the plugin's version.
   */
  | ({ kind: 'archive'; id: string; member: string; overlays?: readonly ArchiveFile[] } & ArchiveFile)
  /**
   * A program of an npm package: the exact version, and the program's name in the package's `bin`. Install scripts do
   * not run.
   */
  | { kind: 'npm'; id: string; package: string; version: string; bin: string }
  /**
   * A program in its own Python environment. `requirement` is what pip installs (a relative path is inside the plugin),
   * `entryPoint` the program that this provides, `python` the Python version (`3.12`; absent: any), and `indexes` are
   * additional package indexes.
   */
  | {
      kind: 'python';
      id: string;
      requirement: string;
      entryPoint: string;
      python?: string;
      indexes?: readonly string[];
    };

/** A file to download. It is used only if its SHA-256 (64 hexadecimal digits) matches. */
export interface ArchiveFile {
  /** http or https. */
  url: string;
  sha256: string;
  /**
   * The archive format. Absent: detected from the first bytes. `file` means that the download is the program itself,
   * named after the last part of the URL.
   */
  format?: 'tar' | 'tar.gz' | 'tar.xz' | 'tar.zst' | 'zip' | 'file';
  /** Number of leading folders to strip from each archive entry. Absent: 0. */
  strip?: number;
}

/** A program that is present on the machine. */
export interface ResolvedBinary {
  /** The source's `id`. */
  id: string;
  kind: BinarySource['kind'];
  /** Absolute path of the program or script. */
  path: string;
  /** What the hive starts, followed by the arguments of `command`: the program, or Node and the script. */
  argv: readonly string[];
  /** The folder in which the `prepare` steps ran. Its Python environment, if any, is in `venv`. */
  environment?: string;
}

/** The request for a worker, as passed to `estimate` and `checkOptions`. */
export interface LaunchRequest {
  variant: string;
  device: Device;
  options: Readonly<Record<string, unknown>>;
  binary: { id: string };
  /** Parsed results of the type's probes, by probe id. A probe that could not run is absent. */
  probes?: Readonly<Record<string, unknown>>;
}

/** A launch before the worker has a port: everything that determines what it will serve and can do. */
export interface PreparedLaunch extends LaunchRequest {
  binary: ResolvedBinary;
  /** What `deviceFlags` gave for this device. */
  deviceFlags: { args: readonly string[]; env: Readonly<Record<string, string>> };
  /** Absolute path of each model component. */
  models: Readonly<Record<string, string>>;
  /** Facts about the main model. Absent for a worker without a model. */
  model?: ModelFacts;
}

export interface OptionProblem {
  /** The option's name. */
  option: string;
  /** The problem, worded as the end of a sentence: "llama-server b4000 has no flag for it". */
  problem: string;
  /** What to try, in one sentence. */
  hint: string;
}

/** All inputs of one start of a worker. */
export interface Launch extends LaunchRequest {
  /** The worker's id. */
  id: string;
  binary: ResolvedBinary;
  /** The result of `deviceFlags` for this device. The type decides where they go in its command line. */
  deviceFlags: DeviceFlags;
  /** Absolute path of each model component. `main` is always present if the type needs a model. */
  models: Readonly<Record<string, string>>;
  /** All names that requests may use for the model. Answer with the first. */
  names: readonly string[];
  /** Loopback address and port to listen on. */
  host: string;
  port: number;
  /**
   * For engines that read secrets from files: the path of a private file per secret option that has a value. For an
   * engine that reads a secret from its environment, put the option itself into `env`: `{ TOKEN: options.token }` holds
   * `secret:NAME`, which the hive replaces with the value when it starts the process. Absent: no secret option has a
   * value.
   */
  secretFiles?: Readonly<Record<string, string>>;
  /** Secret that requests carry as `Authorization: Bearer …`. Pass it in the environment, never in the arguments. */
  apiKey: string;
}

/** The arguments that follow the program, and variables to add to the hive's clean environment. */
export interface Command {
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Working directory. Absent: the worker's own folder. */
  cwd?: string;
}

/**
 * A server, supplied by the plugin, that owns the engine. The hive runs the script with its own Node and passes it the
 * arguments of `command`. These must include the engine's command line (`launch.binary.argv`), because the script
 * starts the engine. It must start it in its own process group.
 */
export interface Adapter {
  /** Path of the script, relative to the package root. */
  script: string;
  /** Ids of the binary sources that need the adapter. Absent: all. */
  for?: readonly string[];
}

export interface HealthContract {
  /**
   * How the hive detects readiness. `poll`: a GET of `path`, every 40 ms for 10 s, then every 250 ms, and immediately
   * on each new log line. `callback`: the worker posts to the hive, as `@rbee/worker-server` does. `log`: a log line
   * matches the regular expression `pattern`; `example` is such a line as the engine prints it.
   */
  ready: { mode: 'poll'; path: string } | { mode: 'callback' } | { mode: 'log'; pattern: string; example: string };
  /** HTTP statuses of the polled path that mean "still loading". Absent: 503. */
  loadingStatus?: readonly number[];
  /** HTTP statuses of the polled path that mean that the worker will never become ready. Absent: none. */
  failedStatus?: readonly number[];
  /** Matches log lines that show loading progress: a regular expression whose group `percent` is 0 to 100. */
  progressPattern?: string;
  /** A line that matches `progressPattern`, as the engine prints it. Required with the pattern. */
  progressExample?: string;
  /** Time in milliseconds without a new log line, status or progress after which the hive gives up. Absent: 300,000. */
  progressDeadlineMs?: number;
  /**
   * A cheap GET, sent every 5 s once ready, that a busy engine answers too. A failed check is repeated after about a
   * second; three failures in a row cause a restart. Absent: the ready path if it is polled, else only the process is
   * watched.
   */
  live?: { path: string };
  /**
   * A tiny real inference, sent when the cheap check fails while no request is running and the engine process is not
   * frozen.
   */
  deep?: { path: string; body: unknown };
}

export interface StopContract {
  /** Signals to send, in order, waiting `graceMs` after each. SIGKILL to the whole process group always comes last. */
  signals: readonly { signal: 'SIGTERM' | 'SIGINT'; graceMs: number }[];
  /**
   * The engine does not exit while clients are connected. After draining, the queen closes the remaining connections
   * before the first signal is sent.
   */
  closesOnlyWhenIdle?: boolean;
  /**
   * The request that makes the engine free its device memory while it keeps running. Sent on a user's command, once no
   * request is running; a 2xx answer means that the worker sleeps. `option` names a boolean option that must be true
   * for a worker to be able to sleep. Requires `wake`.
   */
  sleep?: { method: 'POST'; path: string; option?: string };
  /**
   * The request that makes the engine take its memory back. Sent on a user's command, and before the first request that
   * only a sleeping worker can answer. A 2xx answer means that the worker is ready.
   */
  wake?: { method: 'POST'; path: string };
}

/** What the hive read from a model without the engine. Sizes are in bytes. */
export interface ModelFacts {
  reference: string;
  format: ModelFormat;
  bytes: number;
  /** Metadata of a GGUF header, with flat keys. Empty for other formats. */
  metadata: Readonly<Record<string, string | number | boolean>>;
}

/** One file of a model repository. */
export interface RepositoryFile {
  /** Relative to the repository's root, with `/`. */
  path: string;
  bytes: number;
}

export interface MemoryEstimate {
  /** Bytes of main memory. */
  ram: number;
  /** Bytes of device memory, summed over the devices of the placement. */
  vram: number;
}

/** A program to run once, like a probe. */
export interface ForecastQuestion {
  /** A program on the host, or `$binary` for the worker's resolved program. */
  program: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Timeout in milliseconds. Absent: 8,000. */
  timeoutMs?: number;
}

/** Predicted memory use of a worker, in bytes. */
export interface MemoryForecast {
  /** Main memory. `mapped` counts bytes of model files, which the system can drop and read again. */
  ram: { mapped: number; private: number };
  /** Device memory, by device id (`cuda:0`). */
  devices: Readonly<Record<string, number>>;
}

/** Metric names in the Prometheus text at `path`, which is read every few seconds and shown with the worker. */
export interface LoadContract {
  path: string;
  running: string;
  waiting?: string;
  /** 0 to 1. */
  kvCacheUse?: string;
}

/** One rule of `failures`. It matches if all its conditions hold; at least `pattern` or `exit` is required. */
export interface FailureRule {
  /**
   * A regular expression, or its source, for a log line; the last matching line counts. Searched are the last 200
   * lines, without colour codes, and the first 2,000 characters of each.
   */
  pattern?: RegExp | string;
  /**
   * How the process ended: an exit code, a signal (`SIGKILL`, equivalent to exit code 137), or `nonzero` for anything
   * but exit code 0. Any element of a list may match. Absent: any exit, or a process that is still running when the
   * hive gives up on it.
   */
  exit?: FailureExit | readonly FailureExit[];
  /** `true`: only workers that had become ready. `false`: only workers that had not. */
  ready?: boolean;
  cause: FailureCause;
  /**
   * What happened, in one sentence. Here and in `hint`, `{1}` and `{name}` stand for the groups of `pattern`, and
   * `{exit}` for how the process ended.
   */
  message: string;
  /** What to try, in one sentence. */
  hint: string;
}

export type FailureExit = number | 'nonzero' | `SIG${string}`;

export interface Failure {
  /** The last lines of the worker's log, oldest first (at most 200). */
  log: readonly string[];
  /**
   * How the process ended. Null if it was still running when the hive gave up on it, or if no hive was running when it
   * ended.
   */
  exit: { code: number | null; signal: string | null } | null;
  /** Whether it had become ready. An exit code of 0 before that is a failure too. */
  wasReady: boolean;
  binary: { id: string };
}

/**
 * `out_of_memory`: device memory according to the engine, or main memory according to the kernel. `killed`: by an
 * external signal that the engine's log does not explain; such an exit does not count towards the restart limit.
 */
export type FailureCause =
  | 'out_of_memory'
  | 'bad_model'
  | 'missing_model'
  | 'unsupported_model'
  | 'port_in_use'
  | 'no_device'
  | 'driver'
  | 'bad_option'
  | 'missing_library'
  | 'no_progress'
  | 'killed'
  | 'crashed'
  | 'unknown';

export interface Diagnosis {
  cause: FailureCause;
  /** What happened, in one sentence. */
  message: string;
  /** What to try, in one sentence. */
  hint: string;
}

export interface Probe {
  id: string;
  /** Run it only before a spawn of one of these variants. Absent: always. */
  variants?: readonly string[];
  /**
   * A program on the host, or `$binary` for the worker's resolved program (only for `path`, `archive` and `npm`
   * sources).
   */
  program: string;
  args: readonly string[];
  /** Timeout in milliseconds. Absent: 8,000. */
  timeoutMs?: number;
  /** Parses the program's output. Also called after a non-zero exit. */
  parse(output: ProgramOutput): unknown;
}

/** How a hive lists the devices of one kind. */
export interface DeviceProbe {
  /**
   * What users write before the colon: `npu` in `npu:0`. Must not be a built-in kind: cpu, cuda, rocm, vulkan, metal.
   */
  kind: string;
  /**
   * Programs to try in order: names on the hive's PATH, or absolute paths. If none exists, the machine has no such
   * device.
   */
  programs: readonly string[];
  args: readonly string[];
  /** Operating systems on which to run it. Absent: all. */
  os?: readonly Platform['os'][];
  /** Timeout in milliseconds. Absent: 8,000. */
  timeoutMs?: number;
  /**
   * Parses the program's output, also after a non-zero exit. Must be pure. Every device it returns must be of this
   * kind: `npu:0`, `npu:1`.
   */
  parse(output: ProgramOutput): readonly DeviceFacts[];
}

/** What a program printed, and its exit code; the code is null if a signal ended it. */
export interface ProgramOutput {
  stdout: string;
  stderr: string;
  code: number | null;
}

/**
 * A setup step, as data. Steps run in order, once for each program and plugin version, before the first spawn. `venv`
 * creates a Python environment (a `python` source already has one). `requirement` installs into it what pip accepts (a
 * relative path is inside the plugin); list packages together if their versions must be compatible. `requirements`
 * installs what a file next to the program lists. `indexes` are additional package indexes. `run` runs a program to
 * completion: `python` is the environment's, `$binary` the resolved program, and any other name is looked up in the
 * environment, then on the hive's PATH.
 */
export type PrepareStep =
  | { kind: 'venv'; python?: string }
  | { kind: 'requirement'; requirement: string | readonly string[]; indexes?: readonly string[] }
  | { kind: 'requirements'; file: string; indexes?: readonly string[] }
  | { kind: 'run'; args: readonly string[] };

/** A placement: the devices assigned to a worker. Users write `cpu`, `cuda:0`, `cuda:0,1`, `vulkan:0`. */
export interface Device {
  /** `cpu`, `cuda`, `rocm`, `vulkan`, `metal`, or a kind that a plugin provides. */
  kind: string;
  /** Device indices, numbered as by the vendor's tool. Empty for `cpu`. */
  indices: readonly number[];
}
