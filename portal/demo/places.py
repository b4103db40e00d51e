"""Where things are: regions, the organisations that make or host models, environments."""

#: slug, name, country, whose law
REGIONS = (
    ("eu-central-1", "AWS Europe (Frankfurt)", "DE", ["EU", "DE"]),
    ("eu-west-1", "AWS Europe (Ireland)", "IE", ["EU", "IE"]),
    ("eu-west-3", "AWS Europe (Paris)", "FR", ["EU", "FR"]),
    ("us-east-1", "AWS US East (Northern Virginia)", "US", ["US"]),
    ("swedencentral", "Azure Sweden Central", "SE", ["EU", "SE"]),
    ("eastus2", "Azure East US 2", "US", ["US"]),
    ("europe-west4", "Google Cloud Netherlands", "NL", ["EU", "NL"]),
    ("fra-dc-1", "Own data centre, Frankfurt", "DE", ["EU", "DE"]),
    ("par-dc-1", "Own data centre, Paris", "FR", ["EU", "FR"]),
)

#: slug, name, country of seat, website
PROVIDERS = (
    ("openai", "OpenAI", "US", "https://openai.com/"),
    ("anthropic", "Anthropic", "US", "https://www.anthropic.com/"),
    ("google", "Google", "US", "https://deepmind.google/"),
    ("mistral-ai", "Mistral AI", "FR", "https://mistral.ai/"),
    ("meta", "Meta", "US", "https://www.llama.com/"),
    ("alibaba-cloud", "Alibaba Cloud (Qwen)", "CN", "https://qwen.ai/"),
    ("azure", "Microsoft Azure", "US", "https://azure.microsoft.com/"),
    ("aws", "Amazon Web Services", "US", "https://aws.amazon.com/"),
    ("google-cloud", "Google Cloud", "US", "https://cloud.google.com/"),
    ("halden", "Halden Mutual (ourselves)", "DE", "https://halden.example/"),
)

#: slug, name, stage gate, jurisdiction, regions
ENVIRONMENTS = (
    (
        "sandbox-eu",
        "Sandbox, Europe",
        "sandbox",
        "EU",
        ("eu-central-1", "eu-west-1", "fra-dc-1"),
    ),
    (
        "production-eu",
        "Production, Europe",
        "production",
        "EU",
        ("eu-central-1", "eu-west-1", "eu-west-3", "swedencentral", "europe-west4", "fra-dc-1"),
    ),
    ("production-us", "Production, United States", "production", "US", ("us-east-1", "eastus2")),
    (
        "regulated-eu",
        "Regulated workloads, Europe",
        "regulated",
        "EU",
        ("fra-dc-1", "par-dc-1"),
    ),
)
