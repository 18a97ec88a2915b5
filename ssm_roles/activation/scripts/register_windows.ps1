# Registers this Windows machine with the hybrid activation whose ID and code are in a secret of AWS Secrets Manager. To see
# the options and the exit codes, run the script with -Help.
#
# Run the script as an administrator in PowerShell 5.1 or later. With -FromStdin, the value of the secret comes from standard
# input, and the machine needs neither AWS credentials nor the AWS CLI. Otherwise, the script reads the secret itself and
# needs both.
#
# The script doesn't write the code to a file, a log or an environment variable. While ssm-setup-cli runs, other
# administrators of this machine can see the code among its arguments, as can the event log if it records command lines.
# There is no other way to pass it.
#
# https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-ssm-agent-install-windows.html

[CmdletBinding(PositionalBinding = $false)]
param(
    [switch]$FromStdin,
    [switch]$SkipRegistered,
    [switch]$Override,
    [string]$Name,
    [string[]]$Tag = @(),
    [string]$Url,
    [string]$Sha256,
    [string]$AgentVersion,
    [switch]$Help,
    [Parameter(ValueFromRemainingArguments = $true)]
    [string[]]$Unknown = @()
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
# Turn off tracing, which would show the code, and the progress bar, which slows downloads.
Set-PSDebug -Off
$ProgressPreference = 'SilentlyContinue'
# This script checks the exit codes of commands itself.
Set-Variable -Name PSNativeCommandUseErrorActionPreference -Value $false

$region = '@REGION@'
$secretArn = '@SECRET_ARN@'
$urlSuffix = '@URL_SUFFIX@'
$folder = $null
# The exit code if an error stops the script.
$exitCode = 1

$usage = @'
Usage: powershell -File register.ps1 [OPTION...]

Registers this Windows machine with the hybrid activation of a secret, and prints the ID of the managed node.

  -FromStdin                read the value of the secret from standard input, without AWS credentials and the AWS CLI
  -SkipRegistered           if the machine is registered already, only print the ID of its node, and exit with 0
  -Name NAME                the tag Name of the node; requires AWS credentials, so not with -FromStdin
  -Tag KEY=VALUE            other tags of the node, separated by commas; like -Name, not with -FromStdin
  -Url URL                  where to download ssm-setup-cli, instead of from AWS
  -Sha256 HEX               the SHA-256 checksum that the downloaded ssm-setup-cli must have
  -Override                 register the machine again if it is registered already
  -AgentVersion VERSION     the version of SSM Agent to install: stable, latest or a number
  -Help                     show this text

The variables HTTPS_PROXY and NO_PROXY apply to all downloads. Certificates come from the store of Windows.

Exit codes:
  0    the machine is registered
  1    the machine is not registered, or ssm-setup-cli failed
  2    an option is unknown or has an invalid value; nothing was changed
  3    the machine was registered already; nothing was changed
  4    the machine is registered, but its tags are not set
'@

function Get-Node {
    # Return the ID of this machine's node, or nothing.
    param([string]$Path)
    $found = [Regex]::Match([IO.File]::ReadAllText($Path), '"ManagedInstanceID": ?"(mi-[0-9a-z]+)"')
    if ($found.Success) { $found.Groups[1].Value }
}

if ($Help) {
    Write-Output -InputObject $usage
    exit 0
}

try {
    $exitCode = 2
    if ($Unknown.Count -gt 0) {
        throw "unknown option: $($Unknown[0])"
    }
    $pairs = @()
    if ($PSBoundParameters.ContainsKey('Name')) {
        $pairs += "Name=$Name"
    }
    # With -File, PowerShell passes a list as one text.
    $pairs += @($Tag | ForEach-Object -Process { $_ -split ',' })
    $tags = @()
    foreach ($pair in $pairs) {
        $key, $text = $pair -split '=', 2
        if ($pair -notmatch '\A[^=]+=' -or $pair -notmatch '\A[\p{L}\p{Nd} _.:/=+@-]+\z' -or $key -match '\Aaws:') {
            throw "-Name and -Tag must be KEY=VALUE of letters, digits, spaces and _.:/=+-@ that doesn't begin with aws:, got $pair"
        }
        if (@($tags | Where-Object -FilterScript { $_.Key -ceq $key }).Count -gt 0) {
            throw "-Name and -Tag must set each tag once, got $key twice"
        }
        $tags += [PSCustomObject]@{ Key = $key; Value = $text }
    }
    if ($FromStdin -and $tags.Count -gt 0) {
        throw '-Name and -Tag require AWS credentials: with -FromStdin, set the tags from the host that reads the secret, with the ID that this script prints'
    }
    if ($PSBoundParameters.ContainsKey('Url') -and $Url -notmatch '\Ahttps://.') {
        throw "-Url must begin with https://, got $Url"
    }
    if ($PSBoundParameters.ContainsKey('Sha256') -and $Sha256 -notmatch '\A[0-9a-f]{64}\z') {
        throw "-Sha256 must be 64 hexadecimal digits, got $Sha256"
    }
    if ($PSBoundParameters.ContainsKey('AgentVersion') -and $AgentVersion -cnotmatch '\A(stable|latest|[0-9][0-9.]*)\z') {
        throw "-AgentVersion must be stable, latest or a number, got $AgentVersion"
    }

    $exitCode = 1
    $identity = [Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()
    if (-not $identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
        throw 'must be run as an administrator'
    }
    $registration = Join-Path -Path $env:ProgramData -ChildPath 'Amazon\SSM\InstanceData\registration'
    if ((Test-Path -LiteralPath $registration) -and -not $Override) {
        $node = Get-Node -Path $registration
        if (-not $SkipRegistered) {
            $exitCode = 3
            throw "this machine is already registered as $node, because $registration exists: -SkipRegistered accepts this, and -Override registers the machine again"
        }
        if (-not $node) {
            throw "this machine is already registered, but $registration doesn't name the node"
        }
        Write-Output -InputObject $node
        exit 0
    }
    if (-not $FromStdin -and $null -eq (Get-Command -Name 'aws' -CommandType Application -ErrorAction SilentlyContinue)) {
        throw 'requires the command aws, which is not in PATH'
    }
    if ($env:PROCESSOR_ARCHITECTURE -ne 'AMD64') {
        throw "requires an x86-64 machine and a 64-bit PowerShell, got $($env:PROCESSOR_ARCHITECTURE)"
    }

    if ($FromStdin) {
        if (-not [Console]::IsInputRedirected) {
            throw '-FromStdin requires the value of the secret on standard input'
        }
        $source = 'the value on standard input'
        $answer = [Console]::In.ReadToEnd()
        if ([string]::IsNullOrWhiteSpace($answer)) {
            throw 'standard input is empty: the command that reads the secret has failed'
        }
    }
    else {
        $source = "the secret $secretArn"
        $answer = & aws secretsmanager get-secret-value --region $region --secret-id $secretArn --query SecretString --output text
        if ($LASTEXITCODE -ne 0) {
            throw "could not read $source"
        }
    }
    # The error for text that is not JSON can show a part of the text.
    try {
        $activation = $answer | Out-String | ConvertFrom-Json
        $names = @($activation.PSObject.Properties | ForEach-Object -MemberName Name)
    }
    catch {
        $names = @()
    }
    foreach ($setting in 'ActivationId', 'ActivationCode', 'ExpirationDate', 'Region') {
        if ($names -notcontains $setting) {
            throw "$source has no activation: the first rotation of the secret has not finished or has failed"
        }
    }
    if ($activation.Region -cne $region) {
        throw "$source must have an activation in $region, got one in $($activation.Region)"
    }
    if ($activation.ActivationId -cnotmatch '\A[0-9a-f-]+\z') {
        throw "$source has an activation ID with invalid characters"
    }
    # PowerShell 7 returns a DateTime, and PowerShell 5.1 a string.
    $expiration = ([DateTime]$activation.ExpirationDate).ToUniversalTime()
    if ($expiration -le [DateTime]::UtcNow) {
        $when = $expiration.ToString('u')
        throw "the activation $($activation.ActivationId) expired at $when: read the current value of the secret, and check the clock"
    }
    # PowerShell 5.1 changes other characters when it passes them to a command. No activation code with one of them is known.
    if ($activation.ActivationCode -notmatch '\A[!#-\[\]-~]+\z') {
        throw "the code of the activation $($activation.ActivationId) has a character that can't be passed to a command"
    }

    $folder = Join-Path -Path ([IO.Path]::GetTempPath()) -ChildPath ([Guid]::NewGuid().ToString())
    $null = New-Item -ItemType Directory -Path $folder
    $setup = Join-Path -Path $folder -ChildPath 'ssm-setup-cli.exe'
    if (-not $Url) {
        $Url = "https://amazon-ssm-$region.s3.$region.$urlSuffix/latest/windows_amd64/ssm-setup-cli.exe"
    }
    [Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12
    $request = @{ UseBasicParsing = $true; Uri = $Url; OutFile = $setup; TimeoutSec = 900 }
    # PowerShell 5.1 doesn't read these variables. ssm-setup-cli does.
    if ($env:HTTPS_PROXY) {
        $proxy = New-Object -TypeName Net.WebProxy -ArgumentList $env:HTTPS_PROXY
        $excluded = @("$env:NO_PROXY" -split ',' | Where-Object -FilterScript { $_.Trim() } | ForEach-Object -Process {
                '(^|\.|://)' + [Regex]::Escape($_.Trim().TrimStart('*', '.')) + '(:[0-9]+)?$'
            })
        $proxy.BypassList = [string[]]$excluded
        if (-not $proxy.IsBypassed([Uri]"$(([Uri]$Url).Scheme)://$(([Uri]$Url).Authority)")) {
            $request.Proxy = $env:HTTPS_PROXY
        }
    }
    try {
        Invoke-WebRequest @request
    }
    catch {
        throw "could not download ${Url}: $($_.Exception.Message)"
    }
    if ($Sha256) {
        $actual = (Get-FileHash -Algorithm SHA256 -LiteralPath $setup).Hash
        if ($actual -ne $Sha256) {
            throw "$Url must have the SHA-256 checksum $Sha256, got $actual"
        }
    }
    # AWS's own script verifies the same: the signature is valid, and it is from Amazon.
    $signature = Get-AuthenticodeSignature -LiteralPath $setup
    if ($signature.Status -ne 'Valid' -or $signature.SignerCertificate.Subject -notlike '*Amazon.com Services LLC*') {
        throw "$Url has no valid signature of Amazon.com Services LLC"
    }

    $options = @("-region=$region")
    if ($Override) { $options += '-override' }
    if ($AgentVersion) { $options += "-version=$AgentVersion" }
    # ssm-setup-cli needs neither the caller's credentials nor a profile, but the AWS CLI does, for the tags.
    $settings = @(Get-ChildItem -Path 'Env:AWS_*')
    $settings | Remove-Item
    try {
        & $setup -register "-activation-code=$($activation.ActivationCode)" "-activation-id=$($activation.ActivationId)" $options |
            ForEach-Object -Process { [Console]::Error.WriteLine($_) }
        $status = $LASTEXITCODE
    }
    finally {
        $settings | ForEach-Object -Process { Set-Item -LiteralPath "Env:$($_.Name)" -Value $_.Value }
    }
    if ($status -ne 0) {
        throw "ssm-setup-cli could not register this machine with the activation $($activation.ActivationId)"
    }
    if (-not (Test-Path -LiteralPath $registration)) {
        throw "ssm-setup-cli succeeded, but $registration doesn't exist"
    }
    $node = Get-Node -Path $registration
    if (-not $node) {
        throw "ssm-setup-cli succeeded, but $registration doesn't name the node"
    }
    [Console]::Error.WriteLine("register: registered as $node with the activation $($activation.ActivationId) in $region")
    Write-Output -InputObject $node
    if ($tags.Count -gt 0) {
        $exitCode = 4
        # PowerShell 5.1 removes quotation marks when it passes text to a command, so that a file takes the tags.
        $file = Join-Path -Path $folder -ChildPath 'tags.json'
        $body = @{ ResourceType = 'ManagedInstance'; ResourceId = $node; Tags = $tags } | ConvertTo-Json -Depth 3
        [IO.File]::WriteAllText($file, $body)
        & aws ssm add-tags-to-resource --region $region --cli-input-json "file://$file" |
            ForEach-Object -Process { [Console]::Error.WriteLine($_) }
        if ($LASTEXITCODE -ne 0) {
            throw "registered as $node, but could not set its tags"
        }
    }
}
catch {
    [Console]::Error.WriteLine("register: $($_.Exception.Message)")
    if ($exitCode -eq 2) {
        [Console]::Error.WriteLine($usage)
    }
    exit $exitCode
}
finally {
    if ($null -ne $folder -and (Test-Path -LiteralPath $folder)) {
        Remove-Item -LiteralPath $folder -Recurse -Force
    }
}
