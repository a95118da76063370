# What the job prints for the sample
run:
    cargo run --release -- run --config data/sample/uptime-ledger.toml --from 2026-11-18 --to 2026-11-20 --simulate --as-of 2026-11-21T03:17:00Z --out reports

# All tests
test:
    cargo test

# What the compiler and clippy have to say
lint:
    cargo clippy --all-targets -- -D warnings

# The one way to lay out code
fmt:
    cargo fmt

# All that must hold before a merge
ci:
    .ci/run

# What takes too long for each change: fuzzing, a minute per target, the parts of the job by themselves, ten years of worlds
nightly:
    .ci/nightly

# Write the expected messages and column tables anew; read the diff before committing it
bless:
    BLESS=1 cargo test --test main

# Make data/sample again, byte for byte
sample:
    cargo build --release
    rm -rf data/sample
    "${CARGO_TARGET_DIR:-target}/release/uptime-ledger" sample --out data/sample --rows 18000 --format csv --compression zst

# Speed and results beside DuckDB, polars and ClickHouse: `just bench 10000000`, `just bench 1000000 --jobs join --memory 64MiB`
bench rows="1000000" *options:
    cargo build --release --bin uptime-ledger --example bare
    python3 tests/bench/peers.py --rows {{rows}} {{options}}

# What the job does most, each part by itself
kernels *filter:
    cargo bench --bench kernels -- {{filter}}

# Every parser, fed with what no person would write
fuzz seconds="60":
    cargo build --release
    python3 tests/fuzz/run.py --seconds {{seconds}}

# Logs of other programs beside ours, on one thread
bench-formats rows="1000000":
    cargo build --release
    python3 tests/bench/formats.py "${CARGO_TARGET_DIR:-target}/release/uptime-ledger" --rows {{rows}}

# Threads beside processes, on the same logs: CPU seconds, peak memory, bytes in the exchange
bench-engines rows="1000000" *options:
    cargo build --release
    python3 tests/bench/engines.py "${CARGO_TARGET_DIR:-target}/release/uptime-ledger" --rows {{rows}} {{options}}

# The job on a real Spark server, with killed workers and executors: `just spark --standalone`, `just spark --measure 6000000`
spark *options:
    cargo build --release
    python3 tests/engines/spark.py "${CARGO_TARGET_DIR:-target}/release/uptime-ledger" {{options}}

# Processes, Spark, Dask and Ray on hard logs and in every format, with tasks that run twice
engines *options:
    cargo build --release
    python3 tests/engines/matrix.py "${CARGO_TARGET_DIR:-target}/release/uptime-ledger" {{options}}

# Time and memory of logs that stand at the limits
limits:
    cargo build --release
    python3 tests/bench/limits.py "${CARGO_TARGET_DIR:-target}/release/uptime-ledger"

# Size of a year's ledger, and how long the commands take that look at all of it
year *options:
    cargo build --release
    python3 tests/bench/year.py {{options}}

# Ledger-years of worlds with all that can go wrong, each of sixty nights: `just simulate 100`
simulate years="10":
    SIMULATION_YEARS={{years}} cargo test --test main simulation::in_any_world -- --nocapture

# Every output of two binaries beside each other: `just compare old/uptime-ledger new/uptime-ledger --parts sample,quarter`
compare old new *options:
    python3 tests/bench/compare.py {{old}} {{new}} {{options}}

# The architect's view, in a browser
doc:
    cargo doc --no-deps --open
