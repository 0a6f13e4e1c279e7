"""Keys of clouds, hosting, databases and infrastructure."""

from __future__ import annotations

from proxy_core.redaction.rule import GITHUB_LIST, GITLEAKS, Rule, token

AZURE_KEYS = "https://learn.microsoft.com/en-us/azure/storage/common/storage-account-keys-manage"
END = r"(?![A-Za-z0-9])"

CLOUD_RULES: tuple[Rule, ...] = (
    Rule(
        "aws-key-id",
        ("AKIA", "ASIA", "ABIA", "ACCA", "A3T"),
        r"(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}" + END,
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
        2.8,
    ),
    Rule(
        "aws-secret",
        (
            "aws_secret",
            "AWS_SECRET",
            "SecretAccessKey",
            "secretAccessKey",
            "secret_access_key",
            "aws-secret",
            "awsSecret",
            "SECRET_ACCESS_KEY",
        ),
        r"(?i:aws[_-]?)?(?i:secret)[\w-]{0,30}+\\{0,3}[\"'`]?"
        r"(?:\s{0,4}(?:=>|:=|[=:>,])\s{0,4}|[ \t]{1,4})\\{0,3}[\"'`]?"
        r"(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
        3.5,
    ),
    Rule(
        "aws-session-token",
        ("IQoJb3JpZ2lu", "FwoGZXIvYXdz"),
        r"(?:IQoJb3JpZ2lu|FwoGZXIvYXdz)[A-Za-z0-9/+=]{100,1500}+",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_use-resources.html",
        3.5,
        window=2000,
    ),
    token(
        "aws-bedrock-key",
        "ABSK",
        r"[A-Za-z0-9+/]{100,280}+={0,2}",
        "https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html",
        3.5,
    ),
    token(
        "aws-bedrock-key",
        "bedrock-api-key-",
        r"[A-Za-z0-9+/=]{60,2000}+",
        "https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html",
        3.0,
        window=2100,
    ),
    token(
        "google-oauth-secret",
        "GOCSPX-",
        r"[A-Za-z0-9_-]{24,40}+",
        "https://developers.google.com/identity/protocols/oauth2",
    ),
    token(
        "google-oauth-token",
        "ya29.",
        r"[A-Za-z0-9_.-]{40,500}+",
        "https://developers.google.com/identity/protocols/oauth2",
        3.0,
        window=600,
    ),
    token(
        "google-refresh-token",
        "1//0",
        r"[A-Za-z0-9_-]{40,160}+",
        "https://developers.google.com/identity/protocols/oauth2",
        3.5,
    ),
    Rule(
        "google-hmac-key",
        ("GOOG1",),
        r"GOOG1[A-Z0-9]{50,60}+",
        "https://cloud.google.com/storage/docs/authentication/hmackeys",
        3.0,
    ),
    Rule(
        "azure-client-secret",
        ("Q~",),
        r"[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~-])",
        "https://learn.microsoft.com/en-us/entra/identity-platform/howto-create-service-principal-portal",
        3.0,
        before=4,
    ),
    Rule("azure-storage-key", ("AccountKey=",), r"AccountKey=(?P<secret>[A-Za-z0-9+/]{80,90}={0,2})", AZURE_KEYS, 3.5),
    Rule(
        "azure-shared-key",
        ("SharedAccessKey=",),
        r"SharedAccessKey=(?P<secret>[A-Za-z0-9+/]{40,90}={0,2})",
        AZURE_KEYS,
        3.5,
    ),
    Rule(
        "azure-sas",
        ("sig=",),
        r"sig=(?P<secret>[A-Za-z0-9%+/]{40,120}+(?:%3[Dd]|=)?)",
        "https://learn.microsoft.com/en-us/rest/api/storageservices/create-service-sas",
        3.5,
    ),
    Rule(
        "azure-api-key",
        ("JQQJ9", "AAAAAC", "AZDO", "ACDb", "APIM", "ACOG"),
        r"[A-Za-z0-9]{52}JQQJ9[9D][A-Z][A-L][A-Za-z0-9]{20,30}"
        + END
        + r"|[A-Za-z0-9]{70,80}(?:AZDO|ACDb|APIM|ACOG)[A-Za-z0-9+/]{4,8}=?"
        + END,
        GITHUB_LIST,
        3.5,
        before=80,
    ),
    token("alibaba-key-id", "LTAI", r"[A-Za-z0-9]{16,24}" + END, GITLEAKS, 3.0),
    token("tencent-key-id", "AKID", r"[A-Za-z0-9]{32}" + END, GITHUB_LIST, 3.0),
    token("yandex-key", "AQVN", r"[A-Za-z0-9_-]{35,38}" + END, GITHUB_LIST, 3.0),
    Rule(
        "digitalocean-token",
        ("dop_v1_", "doo_v1_", "dor_v1_"),
        r"do[opr]_v1_[a-f0-9]{60,64}" + END,
        "https://docs.digitalocean.com/reference/api/create-personal-access-token/",
        2.5,
    ),
    Rule("cloudflare-token", ("cfut_", "cfat_", "cfk_"), r"cf(?:ut|at|k)_[A-Za-z0-9_-]{36,80}+", GITHUB_LIST, 3.0),
    token("cloudflare-origin-key", "v1.0-", r"[a-f0-9]{24}-[a-f0-9]{146}", GITLEAKS),
    token("heroku-key", "HRKU-", r"[A-Za-z0-9_-]{36,70}+", "https://devcenter.heroku.com/articles/authentication", 3.0),
    token("netlify-token", "nfp_", r"[A-Za-z0-9]{34,50}+", "https://docs.netlify.com/api/get-started/", 3.0),
    Rule(
        "vercel-token",
        ("vcp_", "vca_", "vci_"),
        r"vc[pai]_[A-Za-z0-9]{24,80}+",
        "https://vercel.com/docs/rest-api",
        3.2,
    ),
    Rule(
        "fly-token",
        ("fo1_", "fm1r_", "fm1a_", "fm2_"),
        r"(?:fo1_[\w-]{40,60}+|fm(?:1[ar]|2)_[A-Za-z0-9+/]{80,900}+={0,3})",
        GITLEAKS,
        3.5,
        window=1000,
    ),
    token("render-key", "rnd_", r"[A-Za-z0-9]{28,40}+", "https://render.com/docs/api", 3.2),
    Rule(
        "supabase-key",
        ("sbp_", "sb_secret_"),
        r"(?:sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{26,60}+)",
        "https://supabase.com/docs/guides/api/api-keys",
    ),
    Rule(
        "planetscale-token",
        ("pscale_",),
        r"pscale_(?:tkn|oauth|pw)_[\w=.-]{30,64}+",
        "https://planetscale.com/docs/api/reference/service-tokens",
    ),
    token("neon-key", "napi_", r"[a-z0-9]{50,70}+", "https://neon.com/docs/manage/api-keys", 3.0),
    Rule(
        "hashicorp-vault-token",
        ("hvs.", "hvb.", "hvr."),
        r"hv[sbr]\.[A-Za-z0-9_-]{24,300}+",
        "https://developer.hashicorp.com/vault/docs/concepts/tokens",
        3.2,
    ),
    Rule(
        "terraform-token", (".atlasv1.",), r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}+", GITLEAKS, 3.5, before=14
    ),
    Rule(
        "doppler-token",
        ("dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."),
        r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}",
        "https://docs.doppler.com/docs/service-tokens",
        2.8,
    ),
    token(
        "pulumi-token",
        "pul-",
        r"[a-f0-9]{40}" + END,
        "https://www.pulumi.com/docs/pulumi-cloud/access-management/access-tokens/",
    ),
    token("scalingo-token", "tk-us-", r"[\w-]{46,50}+", GITLEAKS),
    Rule(
        "tailscale-key",
        ("tskey-",),
        r"tskey-(?:api|auth|client|scim|webhook)-[A-Za-z0-9]{8,24}(?:-[A-Za-z0-9]{20,50}+)?",
        "https://tailscale.com/kb/1085/auth-keys",
        3.0,
    ),
    token(
        "databricks-token",
        "dapi",
        r"[a-f0-9]{32}(?:-\d)?" + END,
        "https://docs.databricks.com/aws/en/dev-tools/auth/pat",
    ),
    token("clickhouse-key", "4b1d", r"[A-Za-z0-9]{38}" + END, GITLEAKS, 3.5),
    token("cockroach-key", "CCDB1_", r"[A-Za-z0-9]{20,24}_[A-Za-z0-9]{36,44}", GITHUB_LIST),
    token("materialize-key", "mzp_", r"[a-f0-9]{64}", GITHUB_LIST),
    token(
        "infisical-token",
        "st.",
        r"[0-9a-f]{24}\.[0-9a-f]{32}\.[0-9a-f]{32}",
        "https://infisical.com/docs/documentation/platform/token",
    ),
    token("openshift-token", "sha256~", r"[\w-]{43}(?![\w-])", GITLEAKS, 3.5),
    token(
        "age-key",
        "AGE-SECRET-KEY-1",
        r"[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{50,64}",
        "https://github.com/C2SP/C2SP/blob/main/age.md",
    ),
    token(
        "1password-token",
        "ops_eyJ",
        r"[A-Za-z0-9+/_-]{100,1500}+={0,3}",
        "https://developer.1password.com/docs/service-accounts/",
        3.0,
        window=1600,
    ),
    token(
        "1password-secret-key",
        "A3-",
        r"[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}" + END,
        "https://support.1password.com/secret-key-security/",
    ),
    token("ibm-key", "ApiKey-", r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", GITHUB_LIST),
    token("kube-bootstrap-token", "K10", r"[0-9a-f]{64}::[\w:.-]{16,120}+", "https://docs.k3s.io/cli/token"),
)
