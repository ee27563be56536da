//! The real thing: an hour of a conversation service, and what it costs by another tool.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A usage file and a price file.
pub struct Usage {
    /// `TIMESTAMP,ContextTokens,GeneratedTokens`.
    pub usage: PathBuf,
    /// `model,…,input_usd_per_token,output_usd_per_token,…`.
    pub prices: PathBuf,
    /// Requests in the usage file.
    pub lines: usize,
}

impl Usage {
    /// The model that is billed.
    pub const MODEL: &str = "gpt-4o";

    /// The trace and the prices are not ours to ship: they lie beside the checkout, or a small trace is made.
    #[must_use]
    pub fn find() -> Self {
        let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
        let (usage, prices) = (shared.join("azure-llm-conv-2023.csv"), shared.join("model-prices.csv"));
        if usage.exists() {
            return Self { usage, prices, lines: 19_366 };
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
        Self { usage, prices, lines: 5_000 }
    }

    /// The sum by Python's decimals, which share nothing with ours.
    #[must_use]
    pub fn sum_by_another_tool(usage: &Path, prices: &Path) -> String {
        let script = "import csv, sys\nfrom decimal import Decimal, getcontext\ngetcontext().prec = 60\n\
        price = next(r for r in csv.DictReader(open(sys.argv[2])) if r['model'] == sys.argv[3])\n\
        i, o = Decimal(price['input_usd_per_token']), Decimal(price['output_usd_per_token'])\n\
        rows = csv.DictReader(open(sys.argv[1]))\n\
        print(f\"{sum(int(r['ContextTokens']) * i + int(r['GeneratedTokens']) * o for r in rows):f}\")";
        let output =
            Command::new("python3").args(["-c", script]).arg(usage).arg(prices).arg(Self::MODEL).output();
        let output = output.expect("python3 is installed: `make test` sees to it");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}
