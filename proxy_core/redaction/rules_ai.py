"""Keys of model providers and what is used around them. Lengths are lower bounds: vendors lengthen their keys."""

from __future__ import annotations

from proxy_core.redaction.rule import GITHUB_LIST, GITLEAKS, Rule, token

W = r"[A-Za-z0-9_-]"
"""URL-safe base64."""
A = r"[A-Za-z0-9]"

AI_RULES: tuple[Rule, ...] = (
    token("anthropic-key", "sk-ant-", W + r"{24,200}+", "https://platform.claude.com/docs/en/api/overview", 3.2),
    Rule(
        "openai-key",
        ("sk-proj-", "sk-svcacct-", "sk-admin-", "sk-None-"),
        r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,250}+",
        "https://platform.openai.com/docs/api-reference/authentication",
        3.2,
    ),
    token(
        "openrouter-key",
        "sk-or-",
        r"(?:v\d-)?[A-Za-z0-9]{32,100}+",
        "https://openrouter.ai/docs/api-reference/authentication",
    ),
    token(
        "langfuse-key",
        "sk-lf-",
        r"[0-9a-f-]{32,40}+",
        "https://langfuse.com/docs/api-and-data-platform/features/public-api",
    ),
    token(
        "helicone-key", "sk-helicone-", r"[A-Za-z0-9-]{20,80}+", "https://docs.helicone.ai/getting-started/quick-start"
    ),
    token(
        "mapbox-key",
        "sk.eyJ",
        r"[A-Za-z0-9_-]{20,300}+\.[A-Za-z0-9_-]{16,60}+",
        "https://docs.mapbox.com/help/dive-deeper/access-tokens/",
        3.0,
    ),
    token(
        "api-key",
        "sk-",
        r"(?![a-z]+-[a-z]+-)(?=[A-Za-z_-]*+\d)[A-Za-z0-9_-]{20,200}+",
        "https://api-docs.deepseek.com/",
        3.4,
    ),
    token(
        "google-key", "AIza", W + r"{35}(?![A-Za-z0-9_-])", "https://cloud.google.com/docs/authentication/api-keys", 3.2
    ),
    token("groq-key", "gsk_", A + r"{40,80}+", "https://console.groq.com/docs/quickstart", 3.0),
    token("xai-key", "xai-", A + r"{60,120}+", "https://docs.x.ai/docs/overview", 3.0),
    token("huggingface-token", "hf_", A + r"{30,80}+", "https://huggingface.co/docs/hub/security-tokens", 3.0),
    token("huggingface-org-token", "api_org_", A + r"{30,80}+", GITLEAKS, 3.0),
    token("replicate-token", "r8_", A + r"{36,64}+", "https://replicate.com/docs/reference/http", 3.0),
    token("perplexity-key", "pplx-", A + r"{40,80}+", "https://docs.perplexity.ai/", 3.0),
    token("cerebras-key", "csk-", A + r"{40,80}+", "https://inference-docs.cerebras.ai/quickstart", 3.0),
    token("fireworks-key", "fw_", A + r"{20,40}+", "https://docs.fireworks.ai/", 3.4),
    token("together-key", "tgp_v1_", W + r"{36,80}+", "https://docs.together.ai/docs/quickstart", 3.0),
    token("nvidia-key", "nvapi-", W + r"{56,90}+", "https://docs.api.nvidia.com/", 3.0),
    token(
        "elevenlabs-key",
        "sk_",
        r"[0-9a-f]{48}(?![0-9A-Za-z])",
        "https://elevenlabs.io/docs/api-reference/authentication",
        3.0,
    ),
    token("tavily-key", "tvly-", r"(?:dev-|prod-)?[A-Za-z0-9-]{24,60}+", "https://docs.tavily.com/", 3.0),
    token(
        "langsmith-key",
        "lsv2_",
        r"(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{8,12}",
        "https://docs.langchain.com/langsmith/create-account-api-key",
    ),
    token(
        "pinecone-key",
        "pcsk_",
        r"[A-Za-z0-9]{4,8}_[A-Za-z0-9]{40,80}+",
        "https://docs.pinecone.io/guides/projects/manage-api-keys",
        3.0,
    ),
    token("jina-key", "jina_", r"[A-Za-z0-9_-]{50,80}+", "https://jina.ai/api-dashboard/", 3.0),
    token(
        "voyage-key",
        "pa-",
        r"[A-Za-z0-9_-]{40,50}+(?![A-Za-z0-9_-])",
        "https://docs.voyageai.com/docs/api-key-and-installation",
        3.8,
    ),
    token(
        "firecrawl-key",
        "fc-",
        r"[0-9a-f]{32}(?![0-9A-Za-z])",
        "https://docs.firecrawl.dev/api-reference/introduction",
        2.8,
    ),
    token("e2b-key", "e2b_", r"[0-9a-f]{40}(?![0-9A-Za-z])", "https://e2b.dev/docs/api-key"),
    token("anyscale-key", "esecret_", A + r"{24,60}+", "https://docs.anyscale.com/"),
    token("stability-key", "sk-stab-", A + r"{24,80}+", GITHUB_LIST),
    token("vercel-ai-key", "vck_", A + r"{40,80}+", "https://vercel.com/docs/ai-gateway/authentication", 3.0),
    token(
        "cursor-key",
        "key_",
        r"[0-9a-f]{64}" + r"(?![A-Za-z0-9])",
        "https://cursor.com/docs/cli/reference/authentication",
    ),
    Rule(
        "deepl-key",
        (":fx",),
        r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:fx" + r"(?![A-Za-z0-9])",
        "https://developers.deepl.com/docs/getting-started/auth",
        before=36,
    ),
    Rule(
        "wandb-key",
        ("wandb login ",),
        r"wandb login (?:--?[\w=:/.-]{1,80} ){0,4}(?P<secret>[0-9a-f]{40})(?![A-Za-z0-9])",
        "https://docs.wandb.ai/models/ref/cli/wandb-login",
        2.8,
    ),
    token("kaggle-key", "KGAT_", r"[0-9a-f]{32}", "https://www.kaggle.com/docs/api#authentication"),
    Rule(
        "kaggle-key",
        ("username",),
        r"username\\{0,3}\"\s{0,4}:\s{0,4}\\{0,3}\"[\w.@-]{1,60}\\{0,3}\"\s{0,4},\s{0,4}\\{0,3}\"key\\{0,3}\"\s{0,4}:\s{0,4}"
        r"\\{0,3}\"(?P<secret>[0-9a-f]{32})(?![A-Za-z0-9])",
        "https://www.kaggle.com/docs/api#authentication",
        2.8,
    ),
    Rule(
        "client-argument",
        ("Client(", "ClientV2("),
        r"(?:Async)?Client(?:V2)?\(\s{0,8}\\?[\"'](?P<secret>[A-Za-z0-9]{32,64})\\?[\"']",
        "https://docs.cohere.com/reference/about",
        3.4,
        bounded=False,
    ),
    token("wandb-key", "wandb_v1_", W + r"{40,120}+", "https://docs.wandb.ai/", 3.0),
)
