//! The real thing: an hour of a conversation service, billed by the example, interrupted, and checked by another tool.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use ledger_core::{AccountId, Owner};
use ledger_tests::{Books, money, program, usd};
use sqlx::PgConnection;
use uuid::Uuid;

const MODEL: &str = "gpt-4o";

/// The trace and the prices are not ours to ship: they lie beside the checkout, or a small trace is made.
fn usage_files() -> (PathBuf, PathBuf, usize) {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let (usage, prices) = (shared.join("azure-llm-conv-2023.csv"), shared.join("model-prices.csv"));
    if usage.exists() {
        return (usage, prices, 19_366);
    }
    println!("{} is absent: a made trace of 5,000 lines stands in for the real one", shared.display());
    let folder = tempfile::tempdir().unwrap().keep();
    let line = |idx: usize| {
        format!(
            "2023-11-16 18:{:02}:{:02}.6805900,{},{}\n",
            idx / 60 % 60,
            idx % 60,
            idx * 37 % 4_000,
            idx * 11 % 900 + 1
        )
    };
    let lines: String = (0..5_000).map(line).collect();
    let (usage, prices) = (folder.join("usage.csv"), folder.join("prices.csv"));
    std::fs::write(&usage, format!("TIMESTAMP,ContextTokens,GeneratedTokens\n{lines}")).unwrap();
    std::fs::write(&prices, "model,input_usd_per_token,output_usd_per_token\ngpt-4o,0.0000025,0.00001\n")
        .unwrap();
    (usage, prices, 5_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_usage_file_billed_with_two_interruptions_is_billed_once() {
    Books::run(async |books| {
        let (usage, prices, lines) = usage_files();
        let bill = || -> Child {
            let mut bill = Command::new(program("examples/bill_usage"));
            bill.arg(&usage).arg(&prices).arg(MODEL).env("DATABASE_URL", books.db.url());
            bill.stdout(Stdio::piped()).spawn().expect("cargo test builds the examples")
        };
        let mut superuser = books.db.superuser().await;
        for share in [0.2, 0.6] {
            let mut child = bill();
            while (charges(&mut superuser).await as f64) < lines as f64 * share {
                assert!(child.try_wait().unwrap().is_none(), "it ended before it could be interrupted");
            }
            child.kill().unwrap();
            child.wait().unwrap();
            // The server ends what it was told before the client died.
            while writers_at_work(&mut superuser).await {}
        }
        let (interrupted, output) = (charges(&mut superuser).await, bill().wait_with_output().unwrap());
        assert!(output.status.success());
        let told = String::from_utf8(output.stdout).unwrap();
        println!("{told}");
        assert!(
            told.contains(&format!("{lines} lines, {interrupted} of them billed before this run")),
            "{told}"
        );
        assert_eq!(charges(&mut superuser).await, lines as i64, "one entry a line");

        let expected = another_tools_sum(&usage, &prices);
        assert!(told.contains(&format!("charged {} USD", money(&expected))), "{told} against {expected}");
        let account = AccountId::of(Owner::Tenant(Uuid::from_u128(1)), usd());
        let spent = money("1000").checked_sub(books.balance(account).await.row.balance);
        assert_eq!(spent, Some(money(&expected)), "to the last decimal");
    })
    .await;
}

async fn charges(superuser: &mut PgConnection) -> i64 {
    let count = "select count(*) from events where event_type = 'account.charged'";
    sqlx::query_scalar(count).fetch_one(superuser).await.unwrap()
}

async fn writers_at_work(superuser: &mut PgConnection) -> bool {
    let at_work = "select exists (select 1 from pg_stat_activity where application_name = 'ledger_writer'
                   and datname = current_database() and state = 'active')";
    sqlx::query_scalar(at_work).fetch_one(superuser).await.unwrap()
}

/// The sum by Python's decimals, which share nothing with ours.
fn another_tools_sum(usage: &Path, prices: &Path) -> String {
    let script = "import csv, sys\nfrom decimal import Decimal, getcontext\ngetcontext().prec = 60\n\
        price = next(r for r in csv.DictReader(open(sys.argv[2])) if r['model'] == sys.argv[3])\n\
        i, o = Decimal(price['input_usd_per_token']), Decimal(price['output_usd_per_token'])\n\
        rows = csv.DictReader(open(sys.argv[1]))\n\
        print(f\"{sum(int(r['ContextTokens']) * i + int(r['GeneratedTokens']) * o for r in rows):f}\")";
    let output = Command::new("python3").args(["-c", script]).arg(usage).arg(prices).arg(MODEL).output();
    let output = output.expect("python3 is installed: `make test` sees to it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
